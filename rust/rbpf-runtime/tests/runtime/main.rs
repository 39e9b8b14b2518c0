// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the runtime from outside: real images, services that write down
//! what is asked of them.

mod application;
mod changes;
mod coap;
mod counters;
mod execute;
mod faults;
mod helpers;
mod hooks;
mod install;
mod isolation;
mod kv;
mod packet;
mod pauses;
mod printf;
mod quarantine;
mod rate;
mod replace;
mod requests;
mod support;
mod tenants;
mod time;
mod timers;
