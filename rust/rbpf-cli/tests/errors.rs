// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `rbpf build` refuses, and what it says: where, what, and what to do.

mod common;

use common::{Done, clang, done, rbpf};

/// What `rbpf build` says to a source called `input.c`.
fn build(source: &str, arguments: &[&str]) -> Done {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("input.c"), source).expect("it can be written");
    let mut command = rbpf();
    command.current_dir(folder.path());
    command
        .args(["build", "input.c", "-o", "out.rbpf"])
        .args(arguments);
    let done = done(&mut command);
    let written = folder.path().join("out.rbpf").exists();
    assert_eq!(written, done.code == Some(0), "{done:#?}");
    let rest = std::fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(rest, 1 + usize::from(written), "no temporary file is left");
    done
}

#[test]
fn refusals_name_the_line() {
    if !clang() {
        return;
    }
    let cases: &[(&str, &[&str])] = &[
        (
            "int missing(int);\nint entry(int *c) {\n  return missing(c[0]); }",
            &["input.c:3: `missing` is not defined", "help: define it"],
        ),
        (
            "extern int missing;\nint entry(int *c) {\n  return missing; }",
            &["input.c:3: `missing` is not defined"],
        ),
        (
            "void *memcpy(void *, const void *, unsigned long);\n\
             int entry(char *c) {\n  char b[200];\n  memcpy(b, c, 200); return b[c[0]]; }",
            &["input.c:4: `memcpy` is not defined", "use bpf_memcpy"],
        ),
        (
            "int entry(int (*f)(int)) {\n  return f(1);\n}",
            &["input.c:2: indirect call", "no function pointers"],
        ),
        (
            "static __attribute__((noinline)) int f(int x) { return x; }\n\
             static int (*volatile p)(int) = f;\n\
             int entry(int *c) {\n  return p(c[0]); }",
            &["the address of `f` is taken", "input.c:4: indirect call"],
        ),
        (
            "static int (*bpf_nothing)(int) = (void *)0x7777;\n\
             int entry(int *c) {\n  return bpf_nothing(1);\n}",
            &["input.c:3: call of helper 0x7777, which does not exist"],
        ),
        (
            "struct { int (*type)[1]; } m __attribute__((section(\".maps\"), used));\n\
             int entry(int *c) { return 0; }",
            &["section `.maps`", "no BPF maps", "bpf_store_local"],
        ),
        (
            "int one(int *c) { return 1; }\nint two(int *c) { return 2; }",
            &["several functions", "--entry", "`one`, `two`"],
        ),
        (
            "static char b[70000];\nint entry(int *c) { b[c[0]] = 1; return b[c[1]]; }",
            &["zeroed variables (.bss)", "65535"],
        ),
        (
            "static int b[20000] = { 1 };\nint entry(int *c) { b[c[0]] = 1; return b[c[1]]; }",
            &["initialised variables (.data)", "65535"],
        ),
        (
            "static int f(int *c) { return 1; }",
            &["no global function"],
        ),
        (
            "#define B(x) x x x x x x x x\n\
             int entry(volatile int *c) { B(B(B(B(B(c[0] += 7;))))) return 0; }",
            &["instruction slots", "65535"],
        ),
    ];
    for (source, wanted) in cases {
        build(source, &[]).refused(wanted);
    }
}

#[test]
fn what_the_compiler_says_is_passed_on() {
    if !clang() {
        return;
    }
    build("int entry(int *c) { return c[0] }", &[])
        .refused(&["input.c:1:32: error: expected ';'", "the compiler failed"]);
    build(
        "int entry(int *c) { float f = c[0]; return f * 1.5f; }",
        &[],
    )
    .refused(&["__mulsf3", "the compiler failed"]);
    build(
        "int entry(char *c) { volatile char b[600]; b[c[0]] = 1; return b[1]; }",
        &[],
    )
    .refused(&["stack limit"]);
}

#[test]
fn entries() {
    if !clang() {
        return;
    }
    let source = "static __attribute__((used)) int one(int *c) { return 1; }\n\
                  int two(int *c) { return 2; }\nint three(int *c) { return 3; }";
    build(source, &["--entry", "one"]).success();
    build(source, &["--entry", "two"]).success();
    build(source, &["--entry", "four"]).refused(&["no function `four`", "`two`, `three`"]);
    build(
        "int a(int); __attribute__((noinline)) int b(int x) { return x ? a(x - 1) * 3 + 1 : 0; }\n\
           __attribute__((noinline)) int a(int x) { return x ? b(x - 1) * 5 + 1 : 0; }",
        &[],
    )
    .refused(&["every global function is called", "--entry"]);
}

#[test]
fn stacks() {
    if !clang() {
        return;
    }
    let source = "int entry(char *c) { volatile char b[100]; b[c[0]] = 1; return b[c[1]]; }";
    build(source, &["--stack", "256"]).success();
    build(source, &["--stack", "100"]).refused(&["multiple of 8"]);
    build(source, &["--stack", "96"]).refused(&["a stack of 96 bytes is too small", "104"]);
}

#[test]
fn compilers() {
    let source = "int entry(int *c) { return 0; }";
    build(source, &["--cc", "no-such-compiler"]).refused(&[
        "no-such-compiler",
        "apt install clang-19",
        "RBPF_CLANG",
    ]);
    build(source, &["--cc", "true"]).refused(&["`true`", "is not clang"]);
}
