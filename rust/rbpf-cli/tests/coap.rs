// SPDX-License-Identifier: MIT OR Apache-2.0
//! The CoAP client against devices that lose, delay, cut up and invent.

mod common;

use std::time::{Duration, Instant};

use common::fake::{Asked, Fake};
use rbpf_cli::listing;
use rbpf_host::client::{Answer, Client, GetError, Method};

/// For answers that do not come.
const SHORT: Duration = Duration::from_millis(300);
/// For those that do; only what hangs takes so long.
const LONG: Duration = Duration::from_secs(120);

fn client(fake: &Fake, timeout: Duration) -> Client {
    Client::new(fake.uri.parse().expect("a URI"), timeout)
}

fn get(fake: &Fake, timeout: Duration) -> Result<Answer, GetError> {
    client(fake, timeout).get(&["rbpf"], Some(60))
}

fn fake(answer: impl FnMut(&Asked) -> Vec<Vec<u8>> + Send + 'static) -> Fake {
    Fake::start(answer)
}

#[test]
fn what_is_asked() {
    let fake = fake(|asked| {
        assert_eq!(asked.bytes[..2], [0x48, 0x01]);
        assert_eq!(&asked.bytes[12..], b"\xb4rbpf\x61\x3c");
        vec![asked.cbor(b"\x80")]
    });
    let mut client = client(&fake, LONG);
    for _ in 0..3 {
        let answer = client.get(&["rbpf"], Some(60)).expect("an answer");
        assert_eq!(answer.content_format, Some(60));
        assert_eq!(answer.payload, b"\x80");
    }
}

#[test]
fn a_lost_request_is_repeated() {
    let fake = fake(|asked| match asked.number {
        0 => vec![],
        _ => vec![asked.cbor(b"\x80")],
    });
    let began = Instant::now();
    get(&fake, LONG).expect("an answer");
    // RFC 7252, section 4.8: ACK_TIMEOUT.
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_separate_answer_is_acknowledged() {
    let (told, heard) = std::sync::mpsc::channel();
    let fake = fake(move |asked| {
        if asked.number > 0 {
            told.send(asked.bytes.clone()).expect("the test waits");
            return vec![];
        }
        let mut separate = asked.reply(0x40, 0x45, b"\xc1\x3c", b"\x80");
        separate[2..4].copy_from_slice(&[0xab, 0xcd]);
        vec![asked.empty(0x60), separate]
    });
    let answer = get(&fake, LONG).expect("an answer");
    assert_eq!(answer.payload, b"\x80");
    let acknowledgement = heard.recv_timeout(LONG);
    assert_eq!(acknowledgement.expect("sent"), [0x60, 0, 0xab, 0xcd]);
}

/// RFC 7252, section 5.4.1: it is rejected, in the way of its message.
#[test]
fn critical_options_that_are_not_understood() {
    let error = "its answer has a critical option that is not understood: 65";
    let unknown = |asked: &Asked, kind| asked.reply(kind, 0x45, b"\xd1\x34\x01", b"\x80");
    let piggybacked = fake(move |asked| vec![unknown(asked, 0x60)]);
    let found = get(&piggybacked, LONG).expect_err("it is refused");
    assert_eq!(found.to_string(), error);

    let (told, heard) = std::sync::mpsc::channel();
    let separate = fake(move |asked| {
        if asked.number > 0 {
            told.send(asked.bytes.clone()).expect("the test waits");
            return vec![];
        }
        let mut separate = unknown(asked, 0x40);
        separate[2..4].copy_from_slice(&[0xab, 0xcd]);
        vec![asked.empty(0x60), separate]
    });
    let found = get(&separate, LONG).expect_err("it is refused");
    assert_eq!(found.to_string(), error);
    let reset = heard.recv_timeout(LONG);
    assert_eq!(reset.expect("sent"), [0x70, 0, 0xab, 0xcd]);
}

/// RFC 7252, section 3: a marker that nothing follows.
#[test]
fn a_marker_without_a_payload() {
    // More than are put up with.
    let fake = fake(|asked| vec![asked.reply(0x60, 0x45, b"\xc1\x3c\xff", b""); 2000]);
    let error = get(&fake, LONG).expect_err("it is malformed");
    assert_eq!(error.to_string(), "its answer is no CoAP");
}

/// RFC 9175, section 2: who sends back what came is given large blocks.
#[test]
fn what_a_device_wants_to_be_sent_back() {
    const WHOLE: [u8; 100] = [7; 100];
    let fake = fake(|asked| {
        let (id, token) = (&asked.id, &asked.token);
        let head = [&[0x68, 0x45, id[0], id[1]], &token[..]].concat();
        let knows = asked.bytes.ends_with(b"same");
        vec![match (knows, asked.block >> 4) {
            // Content-Format, Block2 with 64 bytes and more to come, and Echo.
            (false, 0) => [
                &head,
                &b"\xc1\x3c\xb1\x0a\xd4\xd8same\xff"[..],
                &WHOLE[..64],
            ]
            .concat(),
            (true, 0) => [&head, &b"\xc1\x3c\xff"[..], &WHOLE].concat(),
            (_, block) => panic!("{block} is asked for"),
        }]
    });
    let mut client = client(&fake, LONG);
    for _ in 0..2 {
        let answer = client.get(&["rbpf"], Some(60)).expect("an answer");
        assert_eq!(answer.payload, WHOLE);
    }
    let answer = client.send(Method::Get, &["rbpf"], &[], b"");
    assert_eq!(answer.expect("an answer").payload, WHOLE);
}

/// One that is never satisfied is asked on in small blocks.
#[test]
fn a_device_that_wants_something_else_each_time() {
    let fake = fake(|asked| {
        let [_, _, _, block] = (asked.block & !0xf).to_be_bytes();
        let more = if block < 0x20 { 8 } else { 0 };
        let options = [
            0xc1,
            0x3c,
            0xb1,
            block | more,
            0xd1,
            0xd8,
            asked.number as u8,
        ];
        vec![asked.reply(0x60, 0x45, &options, &[7; 16])]
    });
    let answer = get(&fake, LONG).expect("an answer");
    assert_eq!(answer.payload, [7; 48]);
}

#[test]
fn other_messages_do_not_disturb() {
    let fake = fake(|asked| {
        let mut other_token = asked.cbor(b"wrong");
        other_token[4] ^= 1;
        let mut other_id = asked.cbor(b"wrong");
        other_id[2] ^= 1;
        vec![
            other_token,
            other_id,
            vec![],
            vec![0xff; 30],
            vec![0x60, 0, 0, 0],
            asked.cbor(b"right"),
        ]
    });
    assert_eq!(get(&fake, LONG).expect("an answer").payload, b"right");
}

#[test]
fn blocks() {
    let payload: Vec<u8> = (0..5000u32).map(|index| index as u8).collect();
    for exponent in [0, 2, 6] {
        let whole = payload.clone();
        let fake = fake(move |asked| vec![asked.block_of(exponent, &whole)]);
        let answer = get(&fake, LONG).expect("an answer");
        assert_eq!(answer.payload, payload);
        assert_eq!(answer.content_format, Some(60));
    }
}

#[test]
fn blocks_without_end() {
    let fake = fake(|asked| {
        let value = (asked.block >> 4) << 4 | 8 | 6;
        let [_, a, b, c] = value.to_be_bytes();
        vec![asked.reply(0x60, 0x45, &[0xd3, 10, a, b, c], &[0; 1024])]
    });
    let error = get(&fake, LONG).expect_err("it has no end");
    assert!(matches!(error, GetError::Blocks(_)), "{error}");
    assert!(error.to_string().contains("too many"), "{error}");
}

#[test]
fn wrong_blocks() {
    let always_first = |asked: &Asked| vec![asked.reply(0x60, 0x45, b"\xd1\x0a\x08", &[0; 16])];
    let too_far = |asked: &Asked| vec![asked.reply(0x60, 0x45, b"\xd1\x0a\x58", &[0; 16])];
    let too_short = |asked: &Asked| vec![asked.reply(0x60, 0x45, b"\xd1\x0a\x08", &[0; 3])];
    let of_several_versions = |asked: &Asked| {
        let version = asked.number as u8;
        let block = (asked.block as u8 & 0xf0) | 8;
        vec![asked.reply(0x60, 0x45, &[0x41, version, 0xd1, 6, block], &[0; 16])]
    };
    for fake in [
        fake(always_first),
        fake(too_far),
        fake(too_short),
        fake(of_several_versions),
    ] {
        let error = get(&fake, LONG).expect_err("they do not fit");
        assert!(matches!(error, GetError::Blocks(_)), "{error}");
    }
}

#[test]
fn answers_that_are_none() {
    let within = |time, fake: &Fake| get(fake, time).expect_err("no answer").to_string();
    let (silence, error) = (
        |fake: &Fake| within(SHORT, fake),
        |fake: &Fake| within(LONG, fake),
    );
    assert_eq!(silence(&fake(|_| vec![])), "no answer within 0.3 s");
    assert_eq!(
        silence(&fake(|asked| vec![asked.empty(0x60)])),
        "no answer within 0.3 s"
    );
    assert_eq!(
        error(&fake(|_| vec![b"hello".to_vec(); 2000])),
        "its answer is no CoAP"
    );
    assert_eq!(
        error(&fake(|asked| vec![asked.empty(0x70)])),
        "it rejects the request (RST)"
    );
    assert_eq!(
        error(&fake(|asked| vec![asked.reply(
            0x60,
            0x84,
            b"",
            b"not\x1b[2J found\n"
        )])),
        "it answers 4.04 not\\u{1b}[2J found"
    );
    let closed = fake(|_| vec![]).uri.clone();
    let mut client = Client::new(closed.parse().expect("a URI"), LONG);
    let error = client.get(&["rbpf"], None).expect_err("nobody is there");
    assert_eq!(error.to_string(), "nobody listens there");
}

#[test]
fn lists() {
    let list = |fake: &Fake| listing::fetch(&mut client(fake, LONG));
    let text = |asked: &Asked| vec![asked.reply(0x60, 0x45, b"\xc0", b"a state verified runs 1\n")];
    let records = list(&fake(text)).expect("a list in text");
    assert_eq!(records[0].runs, Some(1));
    // A device that knows no CBOR is asked for what it has.
    for code in [0x82, 0x86] {
        let picky = move |asked: &Asked| match asked.bytes.ends_with(b"\x61\x3c") {
            true => vec![asked.reply(0x60, code, b"", b"")],
            false => text(asked),
        };
        assert_eq!(list(&fake(picky)).expect("a list in text"), records);
    }
    let error = list(&fake(|asked| vec![asked.cbor(b"\x81")])).expect_err("cut off");
    assert_eq!(error.to_string(), "its answer is no list of containers");
    let json = |asked: &Asked| vec![asked.reply(0x60, 0x45, b"\xc1\x32", b"[]")];
    let error = list(&fake(json)).expect_err("JSON");
    assert!(error.to_string().contains("format 50"), "{error}");
    // Counters grow while the blocks of a list are fetched: the second time
    // they fit.
    let record = b"\x81\xa2\x64name\x61a\x64runs\x19\x01\x00".to_vec();
    let records = list(&fake(move |asked| {
        let mut answer = asked.block_of(0, &record);
        if asked.number == 1 {
            answer.pop();
        }
        vec![answer]
    }));
    assert_eq!(records.expect("a list")[0].runs, Some(256));
}
