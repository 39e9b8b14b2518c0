// SPDX-License-Identifier: MIT OR Apache-2.0
//! `pkg/rbpf/include/rbpf.h`, the C API of the RIOT module, is what cbindgen
//! makes of the module's source; `UPDATE=1` writes it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rbpf_abi::Capabilities;
use rbpf_abi::capability::{CAPABILITIES, DESCRIPTIONS};
use rbpf_abi::helpers::FIRST_APPLICATION_HELPER;
use rbpf_vm::FaultKind;

const HEADER: &str = "pkg/rbpf/include/rbpf.h";

/// Where the header is when it is compiled.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

/// A source that uses every macro.
const USER: &str = r#"
#include "rbpf.h"

static rbpf_hook_t hook = RBPF_HOOK_INIT("hook");
static rbpf_hook_t filter = RBPF_HOOK_INIT_POLICY("filter", RBPF_POLICY_FIRST_NON_ZERO);
static rbpf_hook_t bounded = RBPF_HOOK_INIT_BOUNDED("bounded", RBPF_POLICY_LAST, 100);

static int64_t call(const rbpf_argument_t *arguments, void *user)
{
    (void)user;
    return (int64_t)arguments[0].length;
}

static rbpf_helper_t plain = RBPF_HELPER_INIT(RBPF_HELPER_FIRST, RBPF_CAPABILITY_APPLICATION, 0,
                                              call, NULL, RBPF_VALUE);
static rbpf_helper_t memory = RBPF_HELPER_INIT(RBPF_HELPER_FIRST + 1, 0, 10, call, &hook,
                                               RBPF_INPUT(RBPF_LENGTH_FOLLOWS), RBPF_VALUE,
                                               RBPF_OUTPUT(8), RBPF_IN_OUT(4));

int main(void)
{
    uint8_t byte = 0;
    rbpf_region_t region = { &byte, sizeof(byte), RBPF_REGION_READ | RBPF_REGION_WRITE };
    int64_t result;
    return rbpf_hook_register(&hook) + rbpf_hook_register(&filter) + rbpf_hook_register(&bounded) +
           rbpf_helper_register(&plain) + rbpf_helper_register(&memory) +
           rbpf_hook_trigger(&hook, NULL, 0, &region, 1, &result);
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Prose, constants from `rbpf-abi`, and macros: what is not in the source of
/// the functions.
fn preface() -> String {
    let capabilities: String = CAPABILITIES
        .iter()
        .zip(DESCRIPTIONS)
        .map(|((bit, name), description)| {
            let name = name.replace('-', "_").to_uppercase();
            let (bits, text) = (bit.bits(), description.trim_end_matches('.'));
            format!("#define RBPF_CAPABILITY_{name:<14} 0x{bits:04x} /**< {text} */\n")
        })
        .collect();
    let faults: String = FaultKind::ALL
        .iter()
        .map(|&kind| {
            let (name, code, text) = (screaming(kind.name()), kind as u8, kind.text());
            format!("#define RBPF_FAULT_{name:<19} {code} /**< {text} */\n")
        })
        .collect();
    let may_wait = Capabilities::MAY_WAIT.bits();
    format!(
        r#"
/**
 * @defgroup    pkg_rbpf rBPF containers
 * @ingroup     pkg
 * @brief       Hosts small isolated programs in the eBPF instruction set
 *
 * The thread `rbpf` owns the containers; functions hand their request to it
 * and wait until it is done. So they may be called by threads only, once the
 * module has been started. Some only touch what is theirs, and do not wait:
 * @ref rbpf_hook_register, @ref rbpf_helper_register, `rbpf_gpio_register()`,
 * `rbpf_remote_register()`, `rbpf_saul_register()`, and, from interrupts too,
 * @ref rbpf_hook_post, `rbpf_saul_event()` and @ref rbpf_stats.
 *
 * Every function that waits has these errors beside its own. Nothing has been
 * done then, and it can be tried again:
 *
 * | error      | why                                                         |
 * |------------|-------------------------------------------------------------|
 * | -EPERM     | it was called in an interrupt                               |
 * | -EDEADLK   | it was called by a helper, which the worker waits for       |
 * | -ENODEV    | the module has not been started                             |
 * | -EBUSY     | `CONFIG_RBPF_QUEUE` requests wait already                   |
 * | -ETIMEDOUT | the worker had not begun after `CONFIG_RBPF_TIMEOUT_MS`     |
 *
 * What the worker has begun is waited for until its end, which the budgets of
 * containers bound.
 *
 * Strings end with a NUL. Names, images, contexts and regions are used until
 * the function returns, and not longer.
 *
 * @{{
 *
 * @file
 * @brief       rBPF containers from C
 */

#ifdef MODULE_RBPF_CLIENT
#include "net/sock/udp.h"
#endif

#ifdef MODULE_RBPF_GPIO
#include "periph/gpio.h"
#endif

#ifdef MODULE_RBPF_SAUL
#include "saul_reg.h"
#endif

/**
 * @brief   Smallest number of a helper of the application's own
 */
#define RBPF_HELPER_FIRST {FIRST_APPLICATION_HELPER:#x}

/**
 * @name    Capabilities: rights to call groups of helpers, a bit each
 * @{{
 */
{capabilities}/** @}} */

/**
 * @brief   Capabilities whose helpers may wait
 */
#define RBPF_CAPABILITIES_MAY_WAIT {may_wait:#06x}

/**
 * @name    Why a run ended in a fault
 * @{{
 */
{faults}/** @}} */

/**
 * @brief   Initialiser of a @ref rbpf_hook_t
 *
 * @param[in] name      its name, 1 to 32 visible characters of ASCII, of which
 *                      the first is not a slash; the string stays
 */
#define RBPF_HOOK_INIT(name) RBPF_HOOK_INIT_POLICY(name, RBPF_POLICY_LAST)

/**
 * @brief   Initialiser of a @ref rbpf_hook_t where an event's result is not
 *          simply that of the last container
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    @ref RBPF_POLICY_LAST, @ref RBPF_POLICY_FIRST_NON_ZERO,
 *                      @ref RBPF_POLICY_ALL or
 *                      @ref RBPF_POLICY_STOP_ON_FAULT
 */
#define RBPF_HOOK_INIT_POLICY(name, policy) RBPF_HOOK_INIT_RIGHTS(name, policy, 0, 0)

/**
 * @brief   Initialiser of a @ref rbpf_hook_t that is not for all containers
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    as for @ref RBPF_HOOK_INIT_POLICY
 * @param[in] needs     `RBPF_CAPABILITY_...` that a container must have been
 *                      granted to be bound
 * @param[in] say       `RBPF_CAPABILITY_...` that it must have been granted for
 *                      its result to be looked at
 */
#define RBPF_HOOK_INIT_RIGHTS(name, policy, needs, say) \
    {{ NULL, (name), (policy), 0, (needs), (say), 0, 0 }}

/**
 * @brief   Initialiser of a @ref rbpf_hook_t where a run has a bound: it is never
 *          paused, and containers that were granted one of
 *          @ref RBPF_CAPABILITIES_MAY_WAIT can't be bound
 *
 * @param[in] name      as for @ref RBPF_HOOK_INIT
 * @param[in] policy    as for @ref RBPF_HOOK_INIT_POLICY
 * @param[in] budget    instructions that a run may execute, at least 1, in place of
 *                      `CONFIG_RBPF_BUDGET`
 */
#define RBPF_HOOK_INIT_BOUNDED(name, policy, budget) \
    {{ NULL, (name), (policy), 0, 0, 0, RBPF_CAPABILITIES_MAY_WAIT, (budget) }}

/**
 * @brief   Initialiser of a @ref rbpf_pin_t
 *
 * @param[in] name      its name, a literal: 1 to 27 visible characters of ASCII
 * @param[in] pin       a `gpio_t`, which no other code sets up
 * @param[in] mode      `GPIO_IN`, `GPIO_IN_PD` or `GPIO_IN_PU` for an input;
 *                      `GPIO_OUT`, `GPIO_OD` or `GPIO_OD_PU` for an output
 */
#define RBPF_PIN_INIT(name, pin, mode) RBPF_PIN_INIT_EDGES(name, pin, mode, RBPF_EDGE_NONE)

/**
 * @brief   Initialiser of a @ref rbpf_pin_t whose edges run the containers that
 *          are bound to the hook `gpio:NAME`
 *
 * @param[in] name      as for @ref RBPF_PIN_INIT
 * @param[in] pin       as for @ref RBPF_PIN_INIT
 * @param[in] mode      as for @ref RBPF_PIN_INIT, of an input
 * @param[in] edges     @ref RBPF_EDGE_RISING, @ref RBPF_EDGE_FALLING or
 *                      @ref RBPF_EDGE_BOTH
 */
#define RBPF_PIN_INIT_EDGES(name, pin, mode, edges) \
    {{ RBPF_HOOK_INIT_RIGHTS("gpio:" name, RBPF_POLICY_LAST, RBPF_CAPABILITY_GPIO, 0), NULL, \
       (pin), (mode), 0, (edges) }}

/**
 * @brief   Initialiser of a @ref rbpf_remote_t
 *
 * @param[in] name      its name, of visible characters of ASCII; the string stays
 */
#define RBPF_REMOTE_INIT(name) {{ NULL, (name), {{ 0 }}, 0 }}

/**
 * @brief   Initialiser of a @ref rbpf_saul_source_t
 *
 * @param[in] name      its name, a literal: 1 to 27 visible characters of ASCII
 */
#define RBPF_SAUL_SOURCE_INIT(name) \
    {{ RBPF_HOOK_INIT_RIGHTS("saul:" name, RBPF_POLICY_LAST, RBPF_CAPABILITY_SENSOR, 0), 0 }}

/**
 * @brief   Initialiser of a @ref rbpf_helper_t
 *
 * @param[in] id            its number, from @ref RBPF_HELPER_FIRST on
 * @param[in] capability    `RBPF_CAPABILITY_...` that containers need, 0 for
 *                          none
 * @param[in] cost          instructions that a call is charged with
 * @param[in] function      a @ref rbpf_helper_function_t
 * @param[in] user          passed to @p function as it is
 * @param[in] ...           its parameters, 1 to 5: @ref RBPF_VALUE,
 *                          @ref RBPF_INPUT, @ref RBPF_OUTPUT or
 *                          @ref RBPF_IN_OUT; further ones are values
 */
#define RBPF_HELPER_INIT(id, capability, cost, function, user, ...) \
    {{ NULL, (id), (capability), (cost), {{ __VA_ARGS__ }}, (function), (user) }}

/**
 * @brief   The next argument says the length of the memory
 */
#define RBPF_LENGTH_FOLLOWS 0

/** @brief  Parameter that is a number */
#define RBPF_VALUE {{ RBPF_PARAMETER_VALUE, 0 }}
/** @brief  Parameter that is memory of so many bytes, which the helper reads */
#define RBPF_INPUT(length) {{ RBPF_PARAMETER_INPUT, (length) }}
/** @brief  Parameter that is memory of so many bytes, which the helper writes */
#define RBPF_OUTPUT(length) {{ RBPF_PARAMETER_OUTPUT, (length) }}
/** @brief  Parameter that is memory, which the helper reads and writes */
#define RBPF_IN_OUT(length) {{ RBPF_PARAMETER_IN_OUT, (length) }}
"#
    )
}

/// `InvalidRead` as a constant of C is called.
fn screaming(name: &str) -> String {
    let mut constant = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}

fn generate() -> String {
    let root = root();
    let mut config = cbindgen::Config::from_file(root.join("pkg/rbpf/cbindgen.toml"))
        .expect("pkg/rbpf/cbindgen.toml is a configuration");
    config.after_includes = Some(preface().trim_end().to_owned());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for module in ["c_api", "hooks", "helpers", "client", "gpio", "saul"] {
        builder = builder.with_src(root.join(format!("rust/rbpf-riot/src/{module}.rs")));
    }
    let mut header = Vec::new();
    let bindings = builder.generate().expect("the source can be parsed");
    bindings.write(&mut header);
    String::from_utf8(header).expect("the header is UTF-8")
}

#[test]
fn committed_header_is_current() {
    let header = root().join(HEADER);
    let generated = generate();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&header, &generated).expect("it can be written");
    }
    let committed = std::fs::read_to_string(&header).expect("it can be read");
    assert!(
        committed == generated,
        "{HEADER} is stale: run `UPDATE=1 cargo test -p rbpf-sdk`"
    );
    assert!(generated.is_ascii(), "{HEADER} is ASCII");
}

/// Feeds a source to a compiler; `None` if there is no such compiler.
fn compile(compiler: &str, arguments: &[&str], source: &str) -> Option<bool> {
    let mut child = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"])
        .args(["-I", FOLDER])
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    let input = child.stdin.take().expect("there is a pipe");
    // One that cannot start its language reads nothing, and fails.
    let _ = std::io::Write::write_all(&mut &input, source.as_bytes());
    drop(input);
    Some(child.wait().expect("it ends").success())
}

#[test]
fn header_compiles_alone() {
    let languages = [
        ["-xc", "-std=c99"],
        ["-xc", "-std=c11"],
        ["-xc++", "-std=c++11"],
    ];
    std::fs::write(Path::new(FOLDER).join("rbpf.h"), generate()).expect("it can be written");
    for arguments in languages {
        let mut compiled = 0;
        for compiler in ["cc", "clang", "clang-19"] {
            // gcc may be there without C++.
            if compile(compiler, &arguments, "extern int nothing;\n") != Some(true) {
                continue;
            }
            for source in ["#include \"rbpf.h\"\n", USER] {
                let good = compile(compiler, &arguments, source);
                assert_eq!(good, Some(true), "{compiler} {arguments:?}: {source}");
            }
            compiled += 1;
        }
        assert!(compiled > 0, "there is no compiler for {arguments:?}");
    }
}
