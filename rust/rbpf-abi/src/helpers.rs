// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host functions that a container may call: one table.
//!
//! [`for_each_helper!`](crate::for_each_helper) is the single list. [`Helper`], [`HELPERS`], the
//! dispatcher in `rbpf-runtime`, the guest's headers in `rbpf-sdk`, the names
//! in the disassembler and `dist/doc/helpers.md` are derived from it. The ids
//! are those of the original prototype, so that its programs run.
//!
//! What stands here is the signature: who checks and what happens is the
//! runtime's. Asking for an id or a capability links no strings.

use crate::Capabilities;

/// Helper ids from here on belong to the application that hosts the
/// containers; see [`Capabilities::APPLICATION`].
pub const FIRST_APPLICATION_HELPER: u16 = 0x8000;

/// Whether a helper of this id would be the application's; ids have 16 bits.
#[must_use]
pub const fn is_application_helper(id: u32) -> bool {
    FIRST_APPLICATION_HELPER as u32 <= id && id <= u16::MAX as u32
}

/// Calls a macro with every helper.
///
/// A row is
///
/// ```text
/// /// documentation
/// ID Variant name CAPABILITY (argument: kind, ...) -> kind;
/// ```
///
/// where a kind may be followed by `as "C type"` if the C prototype says more
/// than the kind. Arguments stand in r1 to r5, the result in r0. Kinds of
/// arguments:
///
/// | kind | what the register holds |
/// |---|---|
/// | `u32`, `i32`, `i16`, `u64` | a number, in the low bits; the others are ignored |
/// | `handle` | a small integer that the host gave out, 0 for none |
/// | `context` | the pointer that the container was started with; the host does not follow it |
/// | `input(length)`, `output(length)` | address of guest memory to read, to write; its bytes are counted by the argument named |
/// | `input[N]`, `output[N]` | address of N bytes |
/// | `string` | address of bytes up to a NUL |
/// | `text[N]` | address to write at most N bytes to: exactly as many as the result says, without a NUL |
///
/// Kinds of results: `u32`, `u64`, `handle` and `address` are zero-extended,
/// `i32` is sign-extended to 64 bits, and negative for an
/// [`Errno`](crate::Errno); `none` is 0.
///
/// A callback matches a row as
///
/// ```text
/// $(#[doc = $doc:literal])* $id:literal $variant:ident $name:ident $capability:ident (
///     $($argument:ident: $kind:ident $(($length:ident))? $([$size:literal])? $(as $c:literal)?),*
/// ) -> $result:ident $(as $result_c:literal)?;
/// ```
#[macro_export]
macro_rules! for_each_helper {
    ($callback:path) => {
        $callback! {
            /// Writes formatted text to the log.
            ///
            /// Knows `%d %u %x %ld %lu %lx %s %c %p %%` and refuses all others: a format
            /// with another directive, or with more of them than there are arguments, is a
            /// fault and nothing is written. Without `l` an argument is 32 bits wide. `%s`
            /// takes the address of a NUL-terminated string in guest memory; a string
            /// without end is a fault. Each byte written is charged to the budget.
            0x01 Printf printf LOG
                (fmt: string, a: u64, b: u64, c: u64, d: u64) -> none;

            /// Copies `len` bytes from `src` to `dest` and returns `dest`.
            ///
            /// Overlapping ranges are copied as if through a buffer of their own.
            0x02 Memcpy memcpy CORE
                (dest: output(len), src: input(len), len: u32) -> address as "void *";

            /// Stores a value under a key in the container's own store.
            ///
            /// Returns 0, or `-ENOSPC` if the container's quota is used up.
            0x10 StoreLocal store_local KV_LOCAL
                (key: u32, value: u32) -> i32;

            /// Stores a value under a key in the store that all containers share.
            ///
            /// Returns 0, or `-ENOSPC` if the container's quota is used up.
            0x11 StoreGlobal store_global KV_GLOBAL
                (key: u32, value: u32) -> i32;

            /// Fetches the value under a key from the container's own store.
            ///
            /// A key that is absent yields 0, and nothing is stored. Returns 0.
            0x12 FetchLocal fetch_local KV_LOCAL
                (key: u32, value: output[4] as "uint32_t *") -> i32;

            /// Fetches the value under a key from the store that all containers share.
            ///
            /// A key that is absent yields 0, and nothing is stored. Returns 0.
            0x13 FetchGlobal fetch_global KV_GLOBAL
                (key: u32, value: output[4] as "uint32_t *") -> i32;

            /// Stores a value under a key in the store that the containers of a tenant share.
            ///
            /// Those without a tenant share one. Returns 0, or `-ENOSPC` if the quota of the
            /// container or its tenant is used up.
            0x14 StoreTenant store_tenant KV_TENANT
                (key: u32, value: u32) -> i32;

            /// Fetches the value under a key from the store that the containers of a tenant
            /// share.
            ///
            /// A key that is absent yields 0, and nothing is stored. Returns 0.
            0x15 FetchTenant fetch_tenant KV_TENANT
                (key: u32, value: output[4] as "uint32_t *") -> i32;

            /// Milliseconds since the device started; wraps around after 49 days.
            0x20 NowMs now_ms TIME
                () -> u32;

            /// Has an event come to the container's binding `alarm` in so many
            /// milliseconds, instead of the one that may have been set before; 0 is
            /// never. It comes once.
            ///
            /// Returns 0, or `-ENOENT` if the container is not bound to `alarm`, `-ERANGE`
            /// for more than 12 days (2^30 - 1 ms).
            0x21 TimerSet timer_set TIME
                (ms: u32) -> i32;

            /// Finds the device at a position of the SAUL registry, counted from 0.
            ///
            /// Returns a handle, or 0 if there are not so many devices.
            0x30 SaulRegFindNth saul_reg_find_nth SENSOR
                (pos: i32) -> handle;

            /// Finds the first device of a SAUL class, `SAUL_SENSE_TEMP` for example.
            ///
            /// Returns a handle, or 0 if there is none.
            0x31 SaulRegFindType saul_reg_find_type SENSOR
                (type_id: u32) -> handle;

            /// Reads a sensor into a `phydat_t`.
            ///
            /// Returns the number of dimensions read, 1 to 3, or a negative error:
            /// `-ENODEV` for a handle that names nothing, `-ENOTSUP` for a device that
            /// cannot be read, `-EIO` if it did not answer. On an error nothing is written.
            0x32 SaulRegRead saul_reg_read SENSOR
                (sensor: handle, reading: output[8] as "phydat_t *") -> i32;

            /// Writes a `phydat_t` to an actuator.
            ///
            /// Returns the number of dimensions that the device used, or a negative error
            /// as `saul_reg_read` does.
            0x33 SaulRegWrite saul_reg_write ACTUATOR
                (actuator: handle, value: input[8] as "const phydat_t *") -> i32;

            /// Starts the response to the CoAP request, with a code such as
            /// `COAP_CODE_CONTENT`; what was written of a response before is dropped.
            ///
            /// Returns 0, or `-EINVAL` for what is not a response code, `-ENOTSUP` if the
            /// container was not started by a CoAP request.
            0x40 GcoapRespInit gcoap_resp_init COAP_RESPONSE
                (gcoap: context, code: u32 as "unsigned") -> i32 as "ssize_t";

            /// Ends the options. With the flag `COAP_OPT_FINISH_PAYLOAD` (1) a payload
            /// follows, and its marker is written.
            ///
            /// Returns the number of bytes of the response so far: header, token, options
            /// and marker. Or `-ENOSPC` if the buffer is too small, `-EINVAL` if no response
            /// was started.
            0x41 CoapOptFinish coap_opt_finish COAP_RESPONSE
                (gcoap: context, flags: u32 as "unsigned") -> i32 as "ssize_t";

            /// Adds the option Content-Format, `COAP_FORMAT_TEXT` (0) for example.
            ///
            /// Returns the number of bytes added, or a negative error as `coap_opt_finish`.
            0x42 CoapAddFormat coap_add_format COAP_RESPONSE
                (gcoap: context, format: u32) -> i32 as "ssize_t";

            /// The address of the response's payload, to be written by the container.
            ///
            /// The memory behind it ends where the response's buffer does. 0 if the options
            /// are not finished, or without a payload.
            0x43 CoapGetPdu coap_get_pdu COAP_RESPONSE
                (gcoap: context) -> address as "uint8_t *";

            /// The method of the CoAP request: 1 GET, 2 POST, 3 PUT, 4 DELETE, 5 FETCH,
            /// 6 PATCH, 7 iPATCH.
            ///
            /// 0 if the container was not started by a CoAP request.
            0x44 CoapGetMethod coap_get_method COAP_RESPONSE
                () -> u32;

            /// Copies the path of the CoAP request, `/sensor/1` for example, without a NUL.
            ///
            /// Returns the number of bytes, or `-ENOSPC` if they are more than `len`,
            /// `-ENOTSUP` if the container was not started by a CoAP request.
            0x45 CoapGetPath coap_get_path COAP_RESPONSE
                (out: output(len) as "char *", len: u32 as "size_t") -> i32 as "ssize_t";

            /// Copies the query of the CoAP request: its options Uri-Query as they are, with
            /// `&` between them, without a NUL.
            ///
            /// Returns the number of bytes, 0 if there is no query, or a negative error as
            /// `coap_get_path`.
            0x46 CoapGetQuery coap_get_query COAP_RESPONSE
                (out: output(len) as "char *", len: u32 as "size_t") -> i32 as "ssize_t";

            /// The option Observe of the CoAP request (RFC 7641): 0 if who asks wants to be
            /// told of changes from now on, 1 if no longer.
            ///
            /// `-ENOENT` if there is none, or the device has no observers, `-ENOTSUP` if the
            /// container was not started by a CoAP request. Where the device asks on behalf
            /// of an observer, it is 0.
            0x47 CoapGetObserve coap_get_observe COAP_RESPONSE
                () -> i32;

            /// Adds the option Observe: who asks for it may observe what is answered. To be
            /// called before `coap_add_format`. Without it, or with the code of an error,
            /// nobody is told of changes, and who was is told no longer.
            ///
            /// The device numbers what it sends, or leaves the option out, where it has no
            /// room for one more observer or nobody asked to be one. Returns the number of
            /// bytes added, or a negative error as `coap_opt_finish`.
            0x48 CoapAddObserve coap_add_observe COAP_RESPONSE
                (gcoap: context) -> i32 as "ssize_t";

            /// Finds the remote of a name, of those that the device has for containers.
            ///
            /// Returns its index, or `-ENODEV` if there is none of that name, `-ENOTSUP` if
            /// the device makes no requests for containers.
            0x49 CoapFindRemote coap_find_remote COAP_REQUEST
                (name: input(length) as "const char *", length: u32 as "size_t") -> i32;

            /// Sends a CoAP request to a remote, and does not wait for the answer: that is
            /// an event, which runs this container if it is bound to `answer`.
            ///
            /// The method is a code such as `COAP_METHOD_POST`. The path begins with `/`, has
            /// visible characters of ASCII, and may end with a query, as in `/rd?ep=node`.
            /// Nothing is unescaped. A request is charged to the budget with 1000 instructions.
            ///
            /// Returns the number of the request, from 1 on, or a negative error: `-EBUSY` if
            /// this container, or the one before it in its slot, has a request that is not
            /// answered yet; `-ENODEV` for an index that names nothing; `-EINVAL` for what is
            /// not a method or path, and parts of a path or query of more than 255 bytes;
            /// `-ENOSPC` if it does not fit a message; `-EIO` if it cannot be sent;
            /// `-ENOTSUP` as `coap_find_remote`.
            0x4a CoapRequest coap_request COAP_REQUEST
                (remote: u32, method: u32, path: string, payload: input(length) as "const void *",
                 length: u32 as "size_t") -> i32;

            /// Says that what the container answers on its paths has changed. Who observes one
            /// is told: the device asks the container again, soon, as a GET does. Of several
            /// changes until then, observers see the last.
            ///
            /// Returns 0, or `-ENOTSUP` if the device has no observers.
            0x4b CoapNotify coap_notify COAP_RESPONSE
                () -> i32;

            /// Writes a fixed-point number in decimal: `value` times ten to the power of
            /// `digits`, so that 2345 and -2 are `23.45`.
            ///
            /// Returns the number of characters; there is no NUL. An exponent that is not
            /// in -9 to 9 writes nothing and returns 0.
            0x50 FmtS16Dfp fmt_s16_dfp CORE
                (out: text[16], value: i16, digits: i32) -> u32 as "size_t";

            /// Writes an unsigned number in decimal.
            ///
            /// Returns the number of characters, 1 to 10; there is no NUL.
            0x51 FmtU32Dec fmt_u32_dec CORE
                (out: text[10], value: u32) -> u32 as "size_t";

            /// Writes a measurement as a pack of SenML in CBOR (RFC 8428), of the Content-Format
            /// `COAP_FORMAT_SENML_CBOR`: one record for each of `dimensions`, with the name
            /// and the unit, and the value as a decimal fraction; of `UNIT_BOOL`, as a truth
            /// value.
            ///
            /// A name has letters, digits and `-:./_`, up to 32. Returns the number of bytes, or
            /// `-ENOSPC` if they are more than `len`, `-EINVAL` for another name or other than
            /// 1 to 3 dimensions, `-ENOTSUP` if the host does not write SenML.
            0x58 FmtSenml fmt_senml CORE
                (out: output(len) as "uint8_t *", len: u32 as "size_t", name: string, value: input[8] as "const phydat_t *", dimensions: u32) -> i32 as "ssize_t";

            /// Microseconds since the device started; wraps around after 71 minutes.
            0x60 ZtimerNow ztimer_now TIME
                () -> u32;

            /// A random number, from the device's best source.
            0x61 Random random RANDOM
                () -> u32;

            /// Finds the pin of a name, of those that the device has for containers.
            ///
            /// Returns its index, or `-ENODEV` if there is none of that name, `-ENOTSUP` if
            /// the device has no pins for containers.
            0x80 GpioFind gpio_find GPIO
                (name: input(length) as "const char *", length: u32 as "size_t") -> i32;

            /// Reads a pin; of an output, the level that it is set to.
            ///
            /// Returns 0 for low, 1 for high, or a negative error: `-ENODEV` for an index
            /// that names nothing, `-ENOTSUP` if the device has no pins for containers.
            0x81 GpioRead gpio_read GPIO
                (pin: u32) -> i32;

            /// Sets an output to low, if `level` is 0, else to high.
            ///
            /// Returns 0, or a negative error as `gpio_read` does, `-ENOTSUP` for an input
            /// too.
            0x82 GpioWrite gpio_write GPIO
                (pin: u32, level: u32) -> i32;
        }
    };
}

/// How much memory stands behind an address argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As many bytes as the argument of this name says.
    Argument(&'static str),
    /// So many bytes.
    Bytes(u32),
}

/// What an argument's register holds; see [`for_each_helper!`](crate::for_each_helper).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A number, the low 32 bits.
    U32,
    /// A signed number, the low 32 bits.
    I32,
    /// A signed number, the low 16 bits.
    I16,
    /// A number, the whole register.
    U64,
    /// A small integer that the host gave out, 0 for none.
    Handle,
    /// The pointer that the container was started with.
    Context,
    /// Memory that the host reads.
    Input(Extent),
    /// Memory that the host writes, all of it.
    Output(Extent),
    /// A NUL-terminated string.
    String,
    /// Memory for so many bytes of text at most.
    Text(u32),
}

/// What r0 holds after the call; see [`for_each_helper!`](crate::for_each_helper).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// A number, zero-extended.
    U32,
    /// A number or a negative error code, sign-extended.
    I32,
    /// A number.
    U64,
    /// A small integer, 0 for none.
    Handle,
    /// A guest address, 0 for none.
    Address,
    /// Nothing: r0 is 0.
    None,
}

/// One argument of a helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name in prototypes.
    pub name: &'static str,
    /// What the register holds.
    pub kind: ArgumentKind,
    /// Its type in C, where the kind does not say it.
    pub c_type: Option<&'static str>,
}

/// A row of the table, for generators, the disassembler and the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelperInfo {
    /// Which helper it is.
    pub helper: Helper,
    /// The bare name, without the guest's prefix `bpf_`.
    pub name: &'static str,
    /// What it does; lines end with a line feed and may begin with a blank.
    pub documentation: &'static str,
    /// The arguments, in the order of r1 to r5.
    pub arguments: &'static [Argument],
    /// The result, in r0.
    pub result: ResultKind,
    /// The type of the result in C, where the kind does not say it.
    pub result_c_type: Option<&'static str>,
}

macro_rules! argument_kind {
    (u32) => {
        ArgumentKind::U32
    };
    (i32) => {
        ArgumentKind::I32
    };
    (i16) => {
        ArgumentKind::I16
    };
    (u64) => {
        ArgumentKind::U64
    };
    (handle) => {
        ArgumentKind::Handle
    };
    (context) => {
        ArgumentKind::Context
    };
    (string) => {
        ArgumentKind::String
    };
    (text [$size:literal]) => {
        ArgumentKind::Text($size)
    };
    (input ($length:ident)) => {
        ArgumentKind::Input(Extent::Argument(stringify!($length)))
    };
    (output ($length:ident)) => {
        ArgumentKind::Output(Extent::Argument(stringify!($length)))
    };
    (input [$size:literal]) => {
        ArgumentKind::Input(Extent::Bytes($size))
    };
    (output [$size:literal]) => {
        ArgumentKind::Output(Extent::Bytes($size))
    };
}

macro_rules! result_kind {
    (u32) => {
        ResultKind::U32
    };
    (i32) => {
        ResultKind::I32
    };
    (u64) => {
        ResultKind::U64
    };
    (handle) => {
        ResultKind::Handle
    };
    (address) => {
        ResultKind::Address
    };
    (none) => {
        ResultKind::None
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! define_helpers {
    ($(
        $(#[doc = $doc:literal])* $id:literal $variant:ident $name:ident $capability:ident (
            $($argument:ident: $kind:ident $(($length:ident))? $([$size:literal])? $(as $c:literal)?),*
        ) -> $result:ident $(as $result_c:literal)?;
    )*) => {
        /// A host function that the interface defines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Helper {
            $($(#[doc = $doc])* $variant = $id,)*
        }

        impl Helper {
            /// The helper of an id, as in the immediate of a call instruction.
            #[must_use]
            pub const fn from_id(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name that guests use, `bpf_printf` for example.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("bpf_", stringify!($name)),)* }
            }

            /// What a container must have been granted to call it.
            #[must_use]
            pub const fn capability(self) -> Capabilities {
                match self { $(Self::$variant => Capabilities::$capability,)* }
            }

            /// What a container must have been granted to call the helper of
            /// an id.
            #[inline(never)]
            #[must_use]
            pub fn capability_of(id: u32) -> Option<Capabilities> {
                Self::from_id(id).map(Self::capability)
            }
        }

        /// Every helper, by ascending id.
        pub const HELPERS: &[HelperInfo] = &[$(
            HelperInfo {
                helper: Helper::$variant,
                name: stringify!($name),
                documentation: concat!($($doc, "\n"),*),
                arguments: &[$(
                    Argument {
                        name: stringify!($argument),
                        kind: argument_kind!($kind $(($length))? $([$size])?),
                        c_type: optional!($($c)?),
                    },
                )*],
                result: result_kind!($result),
                result_c_type: optional!($($result_c)?),
            },
        )*];
    };
}
for_each_helper!(define_helpers);

impl Helper {
    /// The id, as in the immediate of a call instruction.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_agree() {
        for info in HELPERS {
            assert_eq!(Helper::from_id(info.helper.id().into()), Some(info.helper));
            assert_eq!(info.helper.name().strip_prefix("bpf_"), Some(info.name));
            assert!(info.documentation.starts_with(' '), "{}", info.name);
        }
        assert!(HELPERS.is_sorted_by(|a, b| a.helper.id() < b.helper.id()));
        assert!(
            HELPERS
                .iter()
                .all(|info| info.helper.id() < FIRST_APPLICATION_HELPER)
        );
        assert_eq!(Helper::from_id(0), None);
        for (id, expected) in [
            (0x7fff, false),
            (0x8000, true),
            (0xffff, true),
            (0x1_0000, false),
            (0x1_8000, false),
            (u32::MAX, false),
        ] {
            assert_eq!(is_application_helper(id), expected, "{id:#x}");
        }
        assert_eq!(Helper::from_id(0x1_0001), None);
    }

    #[test]
    fn arguments_are_sound() {
        for info in HELPERS {
            assert!(
                info.arguments.len() <= 5,
                "{}: registers r1 to r5",
                info.name
            );
            for argument in info.arguments {
                let (ArgumentKind::Input(extent) | ArgumentKind::Output(extent)) = argument.kind
                else {
                    continue;
                };
                if let Extent::Argument(length) = extent {
                    let length = info.arguments.iter().find(|other| other.name == length);
                    assert_eq!(length.map(|other| other.kind), Some(ArgumentKind::U32));
                }
            }
            if info
                .arguments
                .iter()
                .any(|argument| matches!(argument.kind, ArgumentKind::Text(_)))
            {
                assert_eq!(
                    info.result,
                    ResultKind::U32,
                    "{}: the text's length",
                    info.name
                );
            }
        }
    }

    #[test]
    fn ids_of_the_prototype() {
        let ids = [
            (0x01, "bpf_printf"),
            (0x02, "bpf_memcpy"),
            (0x10, "bpf_store_local"),
            (0x11, "bpf_store_global"),
            (0x12, "bpf_fetch_local"),
            (0x13, "bpf_fetch_global"),
            (0x20, "bpf_now_ms"),
            (0x30, "bpf_saul_reg_find_nth"),
            (0x31, "bpf_saul_reg_find_type"),
            (0x32, "bpf_saul_reg_read"),
            (0x33, "bpf_saul_reg_write"),
            (0x40, "bpf_gcoap_resp_init"),
            (0x41, "bpf_coap_opt_finish"),
            (0x42, "bpf_coap_add_format"),
            (0x43, "bpf_coap_get_pdu"),
            (0x50, "bpf_fmt_s16_dfp"),
            (0x51, "bpf_fmt_u32_dec"),
            (0x60, "bpf_ztimer_now"),
        ];
        for (id, name) in ids {
            assert_eq!(Helper::from_id(id).map(Helper::name), Some(name));
        }
    }

    #[test]
    fn an_enum_of_one_byte() {
        assert_eq!(size_of::<Option<Helper>>(), 1);
    }
}
