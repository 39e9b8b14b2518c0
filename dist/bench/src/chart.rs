// SPDX-License-Identifier: MIT OR Apache-2.0
//! Results as a bar chart, in plain SVG.

use std::fmt::Write as _;

use crate::contestants::Kind;
use crate::report::Measurement;

const WIDTH: f64 = 720.0;
const TOP: f64 = 56.0;
const ROW: f64 = 30.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 150.0;
const LONGEST: f64 = 440.0;

const fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "#0b6e4f",
        Kind::Ebpf => "#4f7cac",
        Kind::Wasm => "#b0803a",
        Kind::Native => "#8a8a8a",
    }
}

const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "this project",
        Kind::Ebpf => "eBPF interpreter",
        Kind::Wasm => "WebAssembly interpreter",
        Kind::Native => "native code",
    }
}

/// The chart. It stands on a page of any colour.
pub(crate) fn svg(measurements: &[Measurement]) -> String {
    let longest = measurements
        .iter()
        .map(|m| m.best.as_secs_f64())
        .fold(f64::MIN_POSITIVE, f64::max);
    let height = TOP + ROW * (measurements.len() as f64 + 1.5);
    let mut svg = format!(
        "<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"24\" font-size=\"16\" font-weight=\"bold\">\
         Fletcher32 over 64 KiB on a workstation</text>\n\
         <text x=\"16\" y=\"43\" fill=\"#555\">Microseconds for one run; shorter is better</text>\n"
    );
    for (row, measurement) in measurements.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let length = measurement.best.as_secs_f64() / longest * LONGEST;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"20\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{:.1}</text>",
            LEFT - 10.0,
            y + 19.0,
            measurement.name,
            y + 4.0,
            colour(measurement.kind),
            LEFT + length + 8.0,
            y + 19.0,
            measurement.best.as_secs_f64() * 1e6,
        );
    }
    let y = TOP + ROW * (measurements.len() as f64 + 0.5);
    let mut x = 16.0;
    for kind in [Kind::Ours, Kind::Ebpf, Kind::Wasm, Kind::Native] {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            colour(kind),
            x + 18.0,
            y + 11.0,
            meaning(kind)
        );
        x += 190.0;
    }
    svg.push_str("</svg>\n");
    svg
}
