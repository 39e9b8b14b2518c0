// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fs;

use super::*;

/// Parses a text as `dir/device.toml`.
fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("dir/device.toml"), text).map_err(|error| error.to_string())
}

fn refused(text: &str) -> String {
    parse(text).expect_err("the text is wrong")
}

#[test]
fn an_empty_file_listens_on_loopback() {
    let config = parse("").unwrap();
    assert!(
        config
            .coap
            .listen
            .iter()
            .all(|address| address.ip().is_loopback())
    );
    assert_eq!(config.coap.listen.len(), 2);
    assert_eq!(config.coap.block_size, 1024);
    assert!(config.sensors.is_empty() && config.applications.is_empty());
}

#[test]
fn everything() {
    let config = parse(
        r#"
        [coap]
        listen = ["[::]:0"]
        block_size = 64
        max_upload = 100
        transfer_timeout = 2
        request_timeout = 3
        [runtime]
        budget = 77
        fault_limit = 3
        rate = 5000
        pauses = 9
        log_size = 0
        answer_size = 0
        [[sensor]]
        name = "thermometer"
        class = "temp"
        unit = "degC"
        scale = -2
        kind = "constant"
        value = [2150]
        [[sensor]]
        name = "light"
        class = "light"
        kind = "ramp"
        start = 5
        step = 1
        max = 7
        per = "second"
        [[sensor]]
        name = "lamp"
        class = "switch"
        unit = "bool"
        kind = "actuator"
        [[application]]
        name = "temperature"
        image = "images/temperature.rbpf"
        coap = "/sensor/temperature"
        methods = ["GET", "fetch"]
        allow = ["sensor", "coap-response"]
        [[application]]
        name = "other"
        image = "other.rbpf"
        budget = 5
        every = 250
        on = ['boot', 'kv:global:7', 'after:5']
        "#,
    )
    .unwrap();
    assert_eq!(config.coap.block_size, 64);
    assert_eq!(config.coap.request_timeout, Duration::from_secs(3));
    let [thermometer, light, lamp] = &config.sensors[..] else {
        panic!("three sensors")
    };
    assert_eq!(
        (thermometer.class, thermometer.unit, thermometer.scale),
        (0x82, 2, -2)
    );
    assert!(matches!(
        light.source,
        Source::Ramp(Ramp {
            start: 5,
            min: i16::MIN,
            max: 7,
            per_second: true,
            ..
        })
    ));
    assert!(matches!(
        lamp.source,
        Source::Actuator(Reading { dimensions: 1, .. })
    ));
    let [temperature, other] = &config.applications[..] else {
        panic!("two applications")
    };
    assert_eq!(temperature.image, Path::new("dir/images/temperature.rbpf"));
    assert_eq!(
        temperature.allow,
        Capabilities::SENSOR | Capabilities::COAP_RESPONSE
    );
    assert!(temperature.methods.contains(1) && temperature.methods.contains(5));
    assert!(!temperature.methods.contains(2) && !temperature.methods.contains(200));
    assert_eq!((temperature.budget, other.budget), (77, 5));
    assert_eq!((config.runtime.fault_limit, config.runtime.rate), (3, 5000));
    assert_eq!(config.runtime.pauses, 9);
    assert_eq!(config.runtime.log_size, 0);
    assert_eq!(config.runtime.answer_size, 0);
    assert_eq!((temperature.every, other.every), (None, Some(250)));
    assert_eq!(other.allow, Capabilities::all());
    assert_eq!(other.coap, None);
    assert_eq!(other.on, ["boot", "kv:global:7", "after:5"]);
}

#[test]
fn errors_name_the_place_and_what_to_do() {
    let sensor = "[[sensor]]\nname = 's'\nclass = 'temp'\n";
    let application = "[[application]]\nname = 'a'\nimage = 'a.rbpf'\n";
    for (text, place, part) in [
        ("[coap]\nport = 1", "2:1", "unknown field `port`"),
        ("[coap]\nlisten = ['here']", "2:11", "write it as"),
        ("[coap]\nlisten = []", "2:10", "at least one"),
        ("[coap]\nblock_size = 100", "2:14", "power of two"),
        ("[coap]\nmax_upload = 1", "2:14", "from 16 to"),
        ("[runtime]\nbudget = -1", "2:10", "invalid value"),
        ("[runtime]\nfault_limit = 256", "2:15", "from 0 to 255"),
        (
            &format!("{application}every = 0"),
            "4:9",
            "from 1 to 1073741823",
        ),
        ("x = [", "1:", ""),
        (&format!("{sensor}kind = 'sine'"), "4:8", "`ramp`"),
        (&format!("{sensor}kind = 'constant'"), "1:1", "`value`"),
        (
            &format!("{sensor}kind = 'constant'\nvalue = []"),
            "5:9",
            "dimensions",
        ),
        (
            &format!("{sensor}kind = 'constant'\nvalue = [40000]"),
            "5:10",
            "i16",
        ),
        (
            &format!("{sensor}kind = 'constant'\nvalue = [1]\nstep = 1"),
            "6:8",
            "`ramp`",
        ),
        (
            &format!("{sensor}kind = 'ramp'\nstart = 1"),
            "1:1",
            "`step`",
        ),
        (
            &format!("{sensor}kind = 'ramp'\nstart = 1\nstep = 1\nmin = 2"),
            "5:9",
            "`min`",
        ),
        (
            &format!("{sensor}kind = 'file'\npath = 'absent'"),
            "5:8",
            "relative",
        ),
        (
            "[[sensor]]\nname = 's'\nclass = 'tmp'\nkind = 'ramp'",
            "3:9",
            "temp, hum",
        ),
        (
            &format!("{application}allow = ['log', 'sensors']"),
            "4:17",
            "`sensors`",
        ),
        (&format!("{application}on = ['boots']"), "4:7", "`every:MS`"),
        (&format!("{application}methods = ['SET']"), "4:11", "GET"),
        (&format!("{application}coap = 'sensor'"), "4:8", "/sensor"),
        (&format!("{application}coap = '/a,b'"), "4:8", "/sensor"),
        (&format!("{application}coap = '/a/../b'"), "4:8", "/sensor"),
        (&format!("{application}coap = '//a'"), "4:8", "/sensor"),
        (
            &format!("{application}coap = '/.well-known/core'"),
            "4:8",
            "choose another",
        ),
        (
            &format!("{application}coap = '/a'\n{application}"),
            "6:8",
            "choose another name",
        ),
        (
            &format!(
                "[[tenant]]\nname = 't'\n{application}coap = '/a'\n[[application]]\n\
                 name = 'b'\nimage = 'b'\ncoap = '/a'\ntenant = 't'"
            ),
            "10:8",
            "`a` of another tenant answers on",
        ),
        ("[[application]]\nname = ''\nimage = 'a'", "2:8", "1 to"),
        (
            "[[application]]\nname = '@a'\nimage = 'a'",
            "2:8",
            "beginning with @",
        ),
        ("[[tenant]]\nname = 'a b'", "2:8", "1 to"),
        (
            "[[tenant]]\nname = 'a'\n[[tenant]]\nname = 'a'",
            "4:8",
            "already",
        ),
        ("[[tenant]]\nname = 'a'\nslots = 33", "3:9", "from 0 to 32"),
        ("[[tenant]]\nname = 'a'\nquota = 1", "3:1", "unknown field"),
        (
            "[[tenant]]\nname = 'a'\nallow = ['all']",
            "3:10",
            "no capability `all`",
        ),
        (&format!("{application}tenant = 'b'"), "4:10", "[[tenant]]"),
    ] {
        let message = refused(text);
        let beginning = format!("dir/device.toml:{place}");
        assert!(
            message.starts_with(&beginning),
            "{message}\nwanted {beginning}"
        );
        assert!(message.contains(part), "{message}\nwanted {part}");
    }
}

#[test]
fn tenants() {
    let config = parse(
        "[[tenant]]
        name = 'alice'
        allow = ['log', 'kv-tenant']
        slots = 2
        bindings = 3
        values = 10
        paused = 1
        rate = 1000
        [[tenant]]
        name = 'bob'
        [[application]]
        name = 'a'
        image = 'a.rbpf'
        tenant = 'alice'
        [[application]]
        name = 'own'
        image = 'a.rbpf'",
    )
    .unwrap();
    let [alice, bob] = &config.tenants[..] else {
        panic!("two tenants")
    };
    assert_eq!((&*alice.name, &*bob.name), ("alice", "bob"));
    let some = Allowance {
        capabilities: Capabilities::LOG | Capabilities::KV_TENANT,
        slots: 2,
        bindings: 3,
        values: 10,
        paused: 1,
        rate: 1000,
    };
    assert_eq!(alice.allowance, some);
    let all = Allowance {
        capabilities: Capabilities::all(),
        slots: 32,
        bindings: 64,
        values: 2048,
        paused: 1,
        rate: 0,
    };
    assert_eq!(bob.allowance, all);
    let owners = config.applications.iter().map(|app| app.tenant.as_deref());
    assert_eq!(owners.collect::<Vec<_>>(), [Some("alice"), None]);
}

#[test]
fn pins() {
    let config = parse(
        "[[pin]]
        name = 'button'
        direction = 'input'
        level = 1
        changes = [{ at_ms = 5, level = 0 }, { at_ms = 6, level = 1 }]
        [[pin]]
        name = 'twenty-seven-characters.led'
        direction = 'output'",
    )
    .unwrap();
    let change = |at_ms, high| PinChange { at_ms, high };
    let button = PinConfig {
        name: "button".into(),
        direction: Direction::Input,
        high: true,
        changes: vec![change(5, false), change(6, true)],
    };
    let led = PinConfig {
        name: "twenty-seven-characters.led".into(),
        direction: Direction::Output,
        high: false,
        changes: vec![],
    };
    assert_eq!(config.pins, [button, led]);
    let pin = |rest: &str| refused(&format!("[[pin]]\n{rest}\n"));
    for (text, parts) in [
        (
            "name = 'a'",
            ["dir/device.toml:1:1: ", "missing field `direction`"],
        ),
        (
            "name = 'a'\ndirection = 'sideways'",
            [":3:13: ", "unknown variant `sideways`"],
        ),
        (
            "name = ''\ndirection = 'input'",
            [":2:8: ", "1 to 27 visible"],
        ),
        (
            "name = 'twenty-eight-characters.led.'\ndirection = 'input'",
            [":2:8: ", "1 to 27 visible"],
        ),
        (
            "name = 'a'\ndirection = 'input'\nlevel = 2",
            [":4:9: ", "from 0 to 1"],
        ),
        (
            "name = 'a'\ndirection = 'output'\nchanges = []",
            [":4:11: ", "`changes` belong to inputs"],
        ),
        (
            "name = 'a'\ndirection = 'input'\nchanges = [{ at_ms = 1, level = 1 }, { at_ms = 1, level = 0 }]",
            [":4:48: ", "in the order of their times"],
        ),
        (
            "name = 'a'\ndirection = 'input'\nchanges = [{ at_ms = 1073741824, level = 1 }]",
            [":4:22: ", "from 0 to 1073741823"],
        ),
        (
            "name = 'a'\ndirection = 'input'\n[[pin]]\nname = 'a'\ndirection = 'output'",
            [":5:8: ", "there is a pin `a` already"],
        ),
    ] {
        let message = pin(text);
        for part in parts {
            assert!(message.contains(part), "{message}\nwanted {part}");
        }
    }
}

#[test]
fn remotes() {
    let config = parse(
        "[runtime]
        answer_size = 1024
        [[remote]]
        name = 'collector'
        uri = 'coap://[fe80::1%tap0]:5690'
        [[remote]]
        name = 'a.name.of.thirty-two.characters!'
        uri = 'coap://node.example/'
        timeout_ms = 1
        [[application]]
        name = 'a'
        image = 'a.rbpf'
        on = ['answer']",
    )
    .unwrap();
    assert_eq!(config.runtime.answer_size, 1024);
    let shown = |remote: &RemoteConfig| (remote.target.to_string(), remote.timeout.as_millis());
    let shown: Vec<_> = config.remotes.iter().map(shown).collect();
    let expected = [
        ("coap://[fe80::1%tap0]:5690", 93_000),
        ("coap://node.example", 1),
    ];
    assert_eq!(shown, expected.map(|(uri, time)| (uri.to_owned(), time)));
    assert_eq!(parse("").unwrap().runtime.answer_size, 64);

    let uri = "uri = 'coap://node'";
    for (text, parts) in [
        (
            "name = 'a'",
            ["dir/device.toml:1:1: ", "missing field `uri`"],
        ),
        (
            "name = ''\nuri = 'coap://node'",
            [":2:8: ", "1 to 32 visible"],
        ),
        (
            "name = 'a b'\nuri = 'coap://node'",
            [":2:8: ", "1 to 32 visible"],
        ),
        ("name = 'a'\nuri = '[::1]:5683'", [":3:7: ", "coap://HOST/"]),
        ("name = 'a'\nuri = 'coaps://node'", [":3:7: ", "only coap"]),
        (
            "name = 'a'\nuri = 'coap://node/readings'",
            [":3:7: ", "leave the path out"],
        ),
        (
            &format!("name = 'a'\n{uri}\ntimeout_ms = 0"),
            [":4:14: ", "from 1 to 3600000"],
        ),
        (
            &format!("name = 'a'\n{uri}\nport = 1"),
            [":4:1: ", "unknown field `port`"],
        ),
        (
            &format!("name = 'a'\n{uri}\n[[remote]]\nname = 'a'\n{uri}"),
            [":5:8: ", "there is a remote `a` already"],
        ),
    ] {
        let message = refused(&format!("[[remote]]\n{text}\n"));
        for part in parts {
            assert!(message.contains(part), "{message}\nwanted {part}");
        }
    }
    refused("[runtime]\nanswer_size = 1025");
}

#[test]
fn events() {
    let config = parse(
        "[[event]]
        hook = 'saul:hot'
        every_ms = 1000
        context = [1, 0, 255]
        [[event]]
        hook = 'boot'
        at_ms = 0
        [[pin]]
        name = 'button'
        direction = 'input'
        [[application]]
        name = 'a'
        image = 'a.rbpf'
        on = ['gpio:button', 'saul:hot', 'boot']",
    )
    .unwrap();
    let event = |hook: &str, when, context: &[u8]| EventConfig {
        hook: hook.into(),
        when,
        context: context.into(),
    };
    let expected = [
        event("saul:hot", When::Every(1000), &[1, 0, 255]),
        event("boot", When::Once(0), &[]),
    ];
    assert_eq!(config.events, expected);
    assert_eq!(config.applications[0].on.len(), 3);

    let long = format!("hook = 'a'\nat_ms = 1\ncontext = [{}]", "0, ".repeat(1025));
    for (text, part) in [
        ("at_ms = 1", "missing field `hook`"),
        ("hook = 'a'", ":1:1: an event happens once or over and over"),
        (
            "hook = 'a'\nat_ms = 1\nevery_ms = 1",
            "either `at_ms` or `every_ms`",
        ),
        ("hook = ''\nat_ms = 1", ":2:8: `` is no hook for events"),
        ("hook = 'two words'\nat_ms = 1", "is no hook for events"),
        ("hook = '/a'\nat_ms = 1", "is no hook for events"),
        ("hook = 'every:5'\nat_ms = 1", "is no hook for events"),
        ("hook = 'kv:global:5'\nat_ms = 1", "is no hook for events"),
        ("hook = 'rx:udp'\nat_ms = 1", "is no hook for events"),
        (
            "hook = 'thirty-three-characters-too-long.'\nat_ms = 1",
            "is no hook for events",
        ),
        ("hook = 'a'\nevery_ms = 0", ":3:12: 0 is out of range"),
        ("hook = 'a'\nat_ms = 1073741824", "out of range"),
        ("hook = 'a'\nat_ms = 1\ncontext = [256]", ":4:12: "),
        (&long, ":4:11: a context has at most 1024 bytes"),
    ] {
        let message = refused(&format!("[[event]]\n{text}\n"));
        assert!(message.contains(part), "{message}\nwanted {part}");
    }
    for on in ["gpio:led", "gpio:other", "saul:cold"] {
        let message = refused(&format!(
            "[[pin]]\nname = 'led'\ndirection = 'output'\n\
             [[event]]\nhook = 'saul:hot'\nat_ms = 1\n\
             [[application]]\nname = 'a'\nimage = 'a.rbpf'\non = ['{on}']"
        ));
        assert!(message.contains("there is no event"), "{message}");
        assert!(
            message.ends_with("boot, rx:udp, tx:udp, saul:hot"),
            "{message}"
        );
    }
}

#[test]
fn a_file_that_is_not_there() {
    let error = Config::load(Path::new("absent/device.toml")).unwrap_err();
    assert_eq!(error.place, None);
    assert!(
        error
            .to_string()
            .starts_with("absent/device.toml: cannot be read")
    );
}

#[test]
fn readings_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device.toml");
    let text = "[[sensor]]\nname = 's'\nclass = 'accel'\nkind = 'file'\npath = 'readings'\n";
    fs::write(&file, text).unwrap();

    fs::write(
        folder.path().join("readings"),
        "# x y z\n1, 2,3\n\n-4 # one\n",
    )
    .unwrap();
    let config = Config::load(&file).unwrap();
    let Source::Lines(readings) = &config.sensors[0].source else {
        panic!("a file")
    };
    assert_eq!(
        readings[0],
        Reading {
            val: [1, 2, 3],
            dimensions: 3
        }
    );
    assert_eq!(
        readings[1],
        Reading {
            val: [-4, 0, 0],
            dimensions: 1
        }
    );
    assert_eq!(readings.len(), 2);

    for (wrong, line) in [("1\n2.5\n", 2), ("1 2 3 4", 1), ("99999", 1)] {
        fs::write(folder.path().join("readings"), wrong).unwrap();
        assert_eq!(Config::load(&file).unwrap_err().place, Some((line, 1)));
    }
    fs::write(folder.path().join("readings"), "# nothing").unwrap();
    assert_eq!(Config::load(&file).unwrap_err().place, None);
}

#[test]
fn the_example_is_right() {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/device.toml"));
    let config = Config::load(file).unwrap();
    assert_eq!(config.sensors.len(), 4);
    assert_eq!(config.pins.len(), 2);
    assert_eq!(config.applications.len(), 4);
}
