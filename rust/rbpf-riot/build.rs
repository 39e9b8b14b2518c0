// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns the module's tunables into Rust constants.
//!
//! Names, defaults and ranges stand in `pkg/rbpf/Kconfig` and nowhere else.
//! A value comes from the application: `CFLAGS += -DCONFIG_RBPF_…` reaches
//! RIOT's `riotbuild.h`, Kconfig its `autoconf.h`. Switches become `cfg`s, as
//! do some of RIOT's modules.
//! A value that cannot be stops the build with a line that says so.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const KCONFIG: &str = "../../pkg/rbpf/Kconfig";

/// Modules of RIOT's that are worth code where a firmware has them.
const MODULES: [&str; 5] = [
    "gnrc_udp",
    "gnrc_ipv6",
    "gnrc_sixlowpan",
    "periph_hwrng",
    "schedstatistics",
];

/// One `config` entry of the Kconfig file.
#[derive(Default)]
struct Tunable {
    name: String,
    switch: bool,
    default: u32,
    range: Option<(u32, u32)>,
    help: String,
}

fn main() {
    println!("cargo::rerun-if-changed={KCONFIG}");
    let kconfig = fs::read_to_string(KCONFIG).expect("pkg/rbpf/Kconfig can be read");
    let defines = defines();
    let mut constants = String::new();
    let tunables = tunables(&kconfig);
    for tunable in &tunables {
        let symbol = format!("CONFIG_RBPF_{}", tunable.name);
        let value = match defines.get(&symbol) {
            Some(value) => number(value).unwrap_or_else(|| {
                println!("cargo::error={symbol}={value}: must be a decimal number");
                tunable.default
            }),
            None => tunable.default,
        };
        if tunable.switch {
            let cfg = format!("rbpf_{}", tunable.name.to_lowercase());
            println!("cargo::rustc-check-cfg=cfg({cfg})");
            if value != 0 {
                println!("cargo::rustc-cfg={cfg}");
            }
            continue;
        }
        if let Some((low, high)) = tunable.range
            && !(low..=high).contains(&value)
        {
            println!("cargo::error={symbol}={value}: must be {low} to {high}");
        }
        writeln!(
            constants,
            "/// {}\npub const {}: u32 = {value};",
            tunable.help, tunable.name
        )
        .expect("a string takes everything");
    }
    for module in MODULES {
        println!("cargo::rustc-check-cfg=cfg(riot_{module})");
        if defines.contains_key(&format!("MODULE_{}", module.to_uppercase())) {
            println!("cargo::rustc-cfg=riot_{module}");
        }
    }
    for symbol in defines.keys() {
        let name = symbol.strip_prefix("CONFIG_RBPF_");
        if name.is_some_and(|name| tunables.iter().all(|tunable| tunable.name != name)) {
            println!("cargo::error={symbol}: there is no such tunable");
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("config.rs"), constants).expect("OUT_DIR can be written");
}

/// The entries of the Kconfig file.
fn tunables(kconfig: &str) -> Vec<Tunable> {
    let mut all: Vec<Tunable> = Vec::new();
    let mut help = false;
    for line in kconfig.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["config", name] = words[..] {
            all.push(Tunable {
                name: name.trim_start_matches("RBPF_").to_owned(),
                ..Tunable::default()
            });
            help = false;
            continue;
        }
        let Some(tunable) = all.last_mut() else {
            continue;
        };
        match words[..] {
            ["bool", ..] => tunable.switch = true,
            ["default", value] if !tunable.switch => tunable.default = own(value),
            ["range", low, high] => tunable.range = Some((own(low), own(high))),
            ["help"] => help = true,
            _ if help => {
                tunable.help = format!("{} {}", tunable.help, words.join(" "))
                    .trim()
                    .to_owned()
            }
            _ => {}
        }
    }
    all
}

/// A number of the Kconfig file.
fn own(value: &str) -> u32 {
    number(value).expect("defaults and ranges in pkg/rbpf/Kconfig are numbers")
}

fn number(value: &str) -> Option<u32> {
    let digits = value
        .trim_matches(['(', ')', ' '])
        .trim_end_matches(['u', 'U', 'l', 'L']);
    digits.parse().ok()
}

/// What the application's configuration defines.
fn defines() -> HashMap<String, String> {
    let mut defines = HashMap::new();
    for variable in [
        "RIOTBUILD_CONFIG_HEADER_C",
        "KCONFIG_GENERATED_AUTOCONF_HEADER_C",
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
        let Some(header) = env::var_os(variable) else {
            continue;
        };
        // There is no autoconf.h without Kconfig.
        let Ok(text) = fs::read_to_string(&header) else {
            continue;
        };
        println!("cargo::rerun-if-changed={}", Path::new(&header).display());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("#undef ") {
                defines.remove(name.trim());
            } else if let Some((name, value)) = line
                .strip_prefix("#define ")
                .and_then(|rest| rest.split_once(' '))
            {
                defines.insert(name.to_owned(), value.trim().to_owned());
            }
        }
    }
    defines
}
