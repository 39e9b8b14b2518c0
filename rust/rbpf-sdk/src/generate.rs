// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are derived from the tables in `rbpf-abi`.
//!
//! They are committed; the test `generated` compares them, and writes them
//! anew with `UPDATE=1`.

use std::fmt::Write as _;

use rbpf_abi::capability::{CAPABILITIES, DESCRIPTIONS};
use rbpf_abi::context::constants::{
    COAP_CODES, COAP_FORMATS, COAP_METHODS, COAP_OPT_FLAGS, Constant, PACKET_DIRECTIONS,
    PACKET_TYPES, PACKET_VERDICTS, SAUL_CLASSES, UNITS,
};
use rbpf_abi::helpers::{Argument, ArgumentKind, Extent, HelperInfo, ResultKind};
use rbpf_abi::{Errno, HELPERS, Helper};

mod reference;

/// Every generated file: path from the repository's root, and contents.
#[must_use]
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        (
            "rust/rbpf-sdk/include/rbpf/coap_codes.h",
            coap_codes_header(),
        ),
        ("rust/rbpf-sdk/include/rbpf/errno.h", errno_header()),
        ("rust/rbpf-sdk/include/rbpf/helpers.h", helpers_header()),
        ("rust/rbpf-sdk/include/rbpf/manifest.h", manifest_header()),
        ("rust/rbpf-sdk/include/rbpf/packet.h", packet_header()),
        ("rust/rbpf-sdk/include/rbpf/saul.h", saul_header()),
        ("dist/doc/helpers.md", reference::helpers()),
    ]
}

/// A header around a body, with the guard and the banner.
fn header(name: &str, brief: &str, body: &str) -> String {
    let guard = format!("RBPF_{}_H", name.to_uppercase());
    format!(
        "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n\
         /* Generated from rbpf-abi by rbpf-sdk: `UPDATE=1 cargo test -p rbpf-sdk`. */\n\
         /**\n * @ingroup     rbpf_sdk\n * @{{\n *\n * @file\n * @brief       {brief}\n */\n\
         #ifndef {guard}\n#define {guard}\n\n{body}\n#endif /* {guard} */\n/** @}} */\n"
    )
}

/// Constants as macros that a source may have defined before.
fn constants(title: &str, list: &[Constant], value: impl Fn(u32) -> String) -> String {
    let mut text = format!("/**\n * @name    {title}\n * @{{\n */\n");
    for constant in list {
        let Constant {
            name,
            value: number,
            documentation,
        } = constant;
        let _ = writeln!(
            text,
            "#ifndef {name}\n#define {name} {} /**< {documentation} */\n#endif",
            value(*number)
        );
    }
    text + "/** @} */\n"
}

fn saul_header() -> String {
    let classes = constants("Classes of devices", SAUL_CLASSES, |value| {
        format!("(0x{value:02x})")
    });
    let units = constants("Units of a phydat_t", UNITS, |value| format!("({value})"));
    let body = format!("#include <rbpf/types.h>\n\n{classes}\n{units}");
    header(
        "saul",
        "Sensors and actuators: device classes and units",
        &body,
    )
}

fn coap_codes_header() -> String {
    let code = |value| format!("((uint8_t)(({} << 5) | {}))", value >> 5, value & 0x1f);
    let number = |value| format!("({value})");
    let flag = |value| format!("(0x{value:04x})");
    let methods = constants("Methods", COAP_METHODS, number);
    let codes = constants("Response codes", COAP_CODES, code);
    let formats = constants("Content-Formats", COAP_FORMATS, number);
    let flags = constants("Flags of bpf_coap_opt_finish", COAP_OPT_FLAGS, flag);
    let body = format!("#include <stdint.h>\n\n{methods}\n{codes}\n{formats}\n{flags}");
    header(
        "coap_codes",
        "CoAP: methods, response codes and content formats",
        &body,
    )
}

fn manifest_header() -> String {
    let mut body = String::from(
        "#include <stdint.h>\n\n/**\n * @name    Capabilities: the units in which rights are granted\n * @{\n */\n",
    );
    for ((capability, name), description) in CAPABILITIES.iter().zip(DESCRIPTIONS) {
        let name = name.to_uppercase().replace('-', "_");
        let bits = capability.bits();
        let description = description.trim_end_matches('.');
        let _ = writeln!(
            body,
            "#define RBPF_CAPABILITY_{name} (UINT32_C(0x{bits:x})) /**< {description} */"
        );
    }
    body += "/** @} */

/**
 * @brief   Has the image want these capabilities, beside those that its helpers need.
 *
 * For what no helper is called for: a hook that needs one, or a value that is
 * watched. To be written outside of functions, once in a source, with a
 * semicolon behind it.
 */
#define RBPF_WANTS(capabilities) \\
    __attribute__((section(\".rbpf.wants\"), used)) \\
    static const uint32_t _rbpf_wants = (capabilities)

/**
 * @brief   Has the container keep the values of the one that it replaces.
 *
 * All that the earlier version has stored stays, in its own store and in shared
 * ones. Without, they are forgotten. To be written as @ref RBPF_WANTS is.
 */
#define RBPF_KEEP_VALUES \\
    __attribute__((section(\".rbpf.flags\"), used)) \\
    static const uint8_t _rbpf_flags = 1

/**
 * @brief   Says which version of the container it is, as the device shows it.
 *
 * A number from 0 to 2^32 - 1 that its author counts. `--app-version` of the
 * command line goes before it. To be written as @ref RBPF_WANTS is.
 */
#define RBPF_VERSION(number) \\
    __attribute__((section(\".rbpf.version\"), used)) \\
    static const uint32_t _rbpf_version = (number)
";
    header("manifest", "What an image says about itself", &body)
}

fn packet_header() -> String {
    let number = |value| format!("({value})");
    let directions = constants("Directions", PACKET_DIRECTIONS, number);
    let types = constants("Types", PACKET_TYPES, number);
    let verdicts = constants("Verdicts", PACKET_VERDICTS, number);
    let body = format!("#include <rbpf/types.h>\n\n{directions}\n{types}\n{verdicts}");
    header(
        "packet",
        "Packets of the network stack: types and verdicts",
        &body,
    )
}

fn errno_header() -> String {
    let mut body =
        String::from("/**\n * @name    Errors: helpers return them negated\n * @{\n */\n");
    for error in Errno::ALL {
        let (name, description) = (error.name(), error.description().trim_end_matches('.'));
        let number = -error.to_guest();
        let _ = writeln!(
            body,
            "#ifndef {name}\n#define {name} ({number}) /**< {description} */\n#endif"
        );
    }
    header("errno", "Error codes", &(body + "/** @} */\n"))
}

fn helpers_header() -> String {
    let mut body = String::from("#include <rbpf/types.h>\n\n");
    for info in HELPERS {
        let _ = writeln!(body, "{}{};\n", comment(info), definition(info));
    }
    header(
        "helpers",
        "The host functions that a container may call",
        &(body + "#include <rbpf/printf.h>\n"),
    )
}

/// The paragraphs of a helper's documentation, each on one line.
fn paragraphs(info: &HelperInfo) -> Vec<String> {
    let lines: Vec<&str> = info.documentation.lines().map(str::trim).collect();
    lines
        .split(|line| line.is_empty())
        .map(|lines| lines.join(" "))
        .collect()
}

/// What one argument is for, in words.
fn argument_text(argument: &Argument) -> String {
    let bytes = |extent| match extent {
        Extent::Argument(name) => format!("`{name}` bytes"),
        Extent::Bytes(count) => format!("{count} bytes"),
    };
    match argument.kind {
        ArgumentKind::U32 | ArgumentKind::I32 | ArgumentKind::I16 => "number".into(),
        ArgumentKind::U64 => "64-bit number".into(),
        ArgumentKind::Handle => "handle".into(),
        ArgumentKind::Context => "the container's context".into(),
        ArgumentKind::Input(extent) => format!("memory that the host reads, {}", bytes(extent)),
        ArgumentKind::Output(extent) => format!("memory that the host writes, {}", bytes(extent)),
        ArgumentKind::String => "string that ends with a NUL".into(),
        ArgumentKind::Text(limit) => {
            format!("memory for the text, up to {limit} bytes; only the text is written")
        }
    }
}

/// The C type of an argument, ready to be followed by its name.
fn argument_type(argument: &Argument) -> &'static str {
    argument.c_type.unwrap_or(match argument.kind {
        ArgumentKind::U32 => "uint32_t",
        ArgumentKind::I32 => "int",
        ArgumentKind::I16 => "int16_t",
        ArgumentKind::U64 => "uint64_t",
        ArgumentKind::Handle => "bpf_saul_reg_t *",
        ArgumentKind::Context => "bpf_coap_ctx_t *",
        ArgumentKind::Input(_) => "const void *",
        ArgumentKind::Output(_) => "void *",
        ArgumentKind::String => "const char *",
        ArgumentKind::Text(_) => "char *",
    })
}

fn result_type(info: &HelperInfo) -> &'static str {
    info.result_c_type.unwrap_or(match info.result {
        ResultKind::U32 => "uint32_t",
        ResultKind::I32 => "int",
        ResultKind::U64 => "uint64_t",
        ResultKind::Handle => "bpf_saul_reg_t *",
        ResultKind::Address => "void *",
        ResultKind::None => "void",
    })
}

/// A type and what it declares: no blank after an asterisk.
fn declare(c_type: &str, name: &str) -> String {
    let blank = if c_type.ends_with('*') { "" } else { " " };
    format!("{c_type}{blank}{name}")
}

fn parameters(info: &HelperInfo) -> String {
    let list: Vec<String> = info
        .arguments
        .iter()
        .map(|argument| declare(argument_type(argument), argument.name))
        .collect();
    if list.is_empty() {
        "void".into()
    } else {
        list.join(", ")
    }
}

/// The prototype, as documentation shows it.
fn prototype(info: &HelperInfo) -> String {
    let name = format!("{}({})", info.helper.name(), parameters(info));
    declare(result_type(info), &name)
}

/// A call of a constant address is a helper call for clang.
fn definition(info: &HelperInfo) -> String {
    let name = format!("(*const {})({})", info.helper.name(), parameters(info));
    format!(
        "static {}\n    = (void *)0x{:02x}",
        declare(result_type(info), &name),
        info.helper.id()
    )
}

/// A Doxygen comment, wrapped.
fn comment(info: &HelperInfo) -> String {
    let mut text = String::from("/**\n");
    let paragraphs = paragraphs(info);
    let (result, prose): (Vec<_>, Vec<_>) = paragraphs
        .iter()
        .partition(|paragraph| paragraph.starts_with("Returns "));
    for (index, paragraph) in prose.iter().enumerate() {
        let lead = if index == 0 { "@brief   " } else { "\n" };
        wrap(&mut text, &format!("{lead}{paragraph}"));
    }
    text.push_str(" *\n");
    for argument in info.arguments {
        let direction = match argument.kind {
            ArgumentKind::Output(_) | ArgumentKind::Text(_) => "out",
            _ => "in",
        };
        let description = argument_text(argument);
        wrap(
            &mut text,
            &format!("@param[{direction}] {} {description}", argument.name),
        );
    }
    for paragraph in result {
        wrap(&mut text, &paragraph.replacen("Returns", "@return ", 1));
    }
    wrap(
        &mut text,
        &format!("@note    Capability {}", capability(info.helper)),
    );
    text + " */\n"
}

/// The name of the capability that a helper needs.
fn capability(helper: Helper) -> String {
    let names: Vec<&str> = helper.capability().names().collect();
    if names.is_empty() {
        "core: granted to all".into()
    } else {
        names.join(", ")
    }
}

/// Appends a paragraph of a comment in lines of up to 80 characters; a line
/// feed at its start leaves a line empty.
fn wrap(text: &mut String, paragraph: &str) {
    let paragraph = match paragraph.strip_prefix('\n') {
        Some(rest) => {
            text.push_str(" *\n");
            rest
        }
        None => paragraph,
    };
    let mut line = String::from(" *");
    let mut words = paragraph.split(' ').peekable();
    while let Some(word) = words.next() {
        if line.len() + 1 + word.len() > 80 {
            let _ = writeln!(text, "{line}");
            line = String::from(" *         ");
            if !paragraph.starts_with('@') {
                line = String::from(" *");
            }
        }
        line.push(' ');
        line.push_str(word);
        if words.peek().is_none() {
            let _ = writeln!(text, "{line}");
        }
    }
}
