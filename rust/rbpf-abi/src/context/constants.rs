// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers that containers use, with their names in C.
//!
//! Device classes and units have the values of RIOT 2026.07, and are part of
//! the interface: RIOT numbers its units by their order and has inserted some
//! before, so a host translates by name and does not pass a unit on as it is.
//! Codes and formats of CoAP are those of RFC 7252 and IANA's registry.

/// A number with a name in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Its name in C.
    pub name: &'static str,
    /// Its value.
    pub value: u32,
    /// What it means, without a full stop.
    pub documentation: &'static str,
}

macro_rules! constants {
    ($(#[$list_doc:meta])* $list:ident; $($name:ident = $value:literal $doc:literal;)*) => {
        $(#[doc = concat!($doc, ".")] pub const $name: u32 = $value;)*

        $(#[$list_doc])*
        pub const $list: &[Constant] = &[
            $(Constant { name: stringify!($name), value: $value, documentation: $doc },)*
        ];
    };
}

constants! {
    /// Classes of devices, for `saul_reg_find_type`.
    SAUL_CLASSES;
    SAUL_CLASS_UNDEF = 0x00 "class undefined";
    SAUL_ACT_ANY = 0x40 "any actuator";
    SAUL_ACT_LED_RGB = 0x41 "RGB LED";
    SAUL_ACT_SERVO = 0x42 "servo motor";
    SAUL_ACT_MOTOR = 0x43 "motor";
    SAUL_ACT_SWITCH = 0x44 "on/off switch";
    SAUL_ACT_DIMMER = 0x45 "dimmable switch";
    SAUL_ACT_VOLTAGE = 0x46 "output voltage";
    SAUL_ACT_CURRENT = 0x47 "output current";
    SAUL_SENSE_ANY = 0x80 "any sensor";
    SAUL_SENSE_BTN = 0x81 "button";
    SAUL_SENSE_TEMP = 0x82 "temperature";
    SAUL_SENSE_HUM = 0x83 "humidity";
    SAUL_SENSE_LIGHT = 0x84 "light";
    SAUL_SENSE_ACCEL = 0x85 "acceleration";
    SAUL_SENSE_MAG = 0x86 "magnetic field";
    SAUL_SENSE_GYRO = 0x87 "rotation";
    SAUL_SENSE_COLOR = 0x88 "color of light";
    SAUL_SENSE_PRESS = 0x89 "pressure";
    SAUL_SENSE_ANALOG = 0x8a "raw analog value";
    SAUL_SENSE_UV = 0x8b "UV index";
    SAUL_SENSE_OBJTEMP = 0x8c "temperature of an object";
    SAUL_SENSE_COUNT = 0x8d "pulse counter";
    SAUL_SENSE_DISTANCE = 0x8e "distance";
    SAUL_SENSE_CO2 = 0x8f "carbon dioxide";
    SAUL_SENSE_TVOC = 0x90 "volatile organic compounds";
    SAUL_SENSE_GAS = 0x91 "gas in general";
    SAUL_SENSE_OCCUP = 0x92 "occupancy";
    SAUL_SENSE_PROXIMITY = 0x93 "proximity";
    SAUL_SENSE_RSSI = 0x94 "signal strength";
    SAUL_SENSE_CHARGE = 0x95 "charge";
    SAUL_SENSE_CURRENT = 0x96 "current";
    SAUL_SENSE_PM = 0x97 "particulate matter";
    SAUL_SENSE_CAPACITANCE = 0x98 "capacitance";
    SAUL_SENSE_VOLTAGE = 0x99 "voltage";
    SAUL_SENSE_PH = 0x9a "pH";
    SAUL_SENSE_POWER = 0x9b "power";
    SAUL_SENSE_SIZE = 0x9c "size";
    SAUL_CLASS_ANY = 0xff "any device";
}

constants! {
    /// Units of a [`Phydat`](super::Phydat).
    UNITS;
    UNIT_UNDEF = 0 "unit undefined";
    UNIT_NONE = 1 "no unit";
    UNIT_TEMP_C = 2 "degree Celsius";
    UNIT_TEMP_F = 3 "degree Fahrenheit";
    UNIT_TEMP_K = 4 "kelvin";
    UNIT_LUX = 5 "lux";
    UNIT_M = 6 "metre";
    UNIT_M2 = 7 "square metre";
    UNIT_M3 = 8 "cubic metre";
    UNIT_G_FORCE = 9 "acceleration of gravity";
    UNIT_DPS = 10 "degree per second";
    UNIT_GRAM = 11 "gram";
    UNIT_A = 12 "ampere";
    UNIT_V = 13 "volt";
    UNIT_W = 14 "watt";
    UNIT_GAUSS = 15 "gauss";
    UNIT_T = 16 "tesla";
    UNIT_DBM = 17 "decibel-milliwatt";
    UNIT_COULOMB = 18 "coulomb";
    UNIT_F = 19 "farad";
    UNIT_OHM = 20 "ohm";
    UNIT_PH = 21 "pH";
    UNIT_BAR = 22 "bar";
    UNIT_PA = 23 "pascal";
    UNIT_CD = 24 "candela";
    UNIT_BOOL = 25 "truth value, 0 or 1";
    UNIT_CTS = 26 "counts";
    UNIT_PERCENT = 27 "of 100";
    UNIT_PERMILL = 28 "of 1000";
    UNIT_PPM = 29 "parts per million";
    UNIT_PPB = 30 "parts per billion";
    UNIT_TIME = 31 "seconds, minutes, hours";
    UNIT_DATE = 32 "days, months, years";
    UNIT_GPM3 = 33 "grams per cubic metre";
    UNIT_CPM3 = 34 "counts per cubic metre";
}

constants! {
    /// Methods of CoAP.
    COAP_METHODS;
    COAP_METHOD_GET = 1 "GET";
    COAP_METHOD_POST = 2 "POST";
    COAP_METHOD_PUT = 3 "PUT";
    COAP_METHOD_DELETE = 4 "DELETE";
    COAP_METHOD_FETCH = 5 "FETCH";
    COAP_METHOD_PATCH = 6 "PATCH";
    COAP_METHOD_IPATCH = 7 "iPATCH";
}

constants! {
    /// Response codes of CoAP: class in the upper three bits, detail in the lower five.
    COAP_CODES;
    COAP_CODE_CREATED = 0x41 "2.01 Created";
    COAP_CODE_DELETED = 0x42 "2.02 Deleted";
    COAP_CODE_VALID = 0x43 "2.03 Valid";
    COAP_CODE_CHANGED = 0x44 "2.04 Changed";
    COAP_CODE_CONTENT = 0x45 "2.05 Content";
    COAP_CODE_BAD_REQUEST = 0x80 "4.00 Bad Request";
    COAP_CODE_UNAUTHORIZED = 0x81 "4.01 Unauthorized";
    COAP_CODE_FORBIDDEN = 0x83 "4.03 Forbidden";
    COAP_CODE_PATH_NOT_FOUND = 0x84 "4.04 Not Found";
    COAP_CODE_METHOD_NOT_ALLOWED = 0x85 "4.05 Method Not Allowed";
    COAP_CODE_INTERNAL_SERVER_ERROR = 0xa0 "5.00 Internal Server Error";
    COAP_CODE_NOT_IMPLEMENTED = 0xa1 "5.01 Not Implemented";
    COAP_CODE_SERVICE_UNAVAILABLE = 0xa3 "5.03 Service Unavailable";
}

constants! {
    /// Content-Formats of CoAP.
    COAP_FORMATS;
    COAP_FORMAT_TEXT = 0 "text/plain; charset=utf-8";
    COAP_FORMAT_LINK = 40 "application/link-format";
    COAP_FORMAT_OCTET = 42 "application/octet-stream";
    COAP_FORMAT_JSON = 50 "application/json";
    COAP_FORMAT_CBOR = 60 "application/cbor";
    COAP_FORMAT_SENML_JSON = 110 "application/senml+json";
    COAP_FORMAT_SENML_CBOR = 112 "application/senml+cbor";
}

constants! {
    /// Flags of `coap_opt_finish`.
    COAP_OPT_FLAGS;
    COAP_OPT_FINISH_NONE = 0x0000 "no payload follows";
    COAP_OPT_FINISH_PAYLOAD = 0x0001 "a payload follows: write its marker";
}

constants! {
    /// Which way a packet goes.
    PACKET_DIRECTIONS;
    RBPF_PACKET_RX = 0 "it has been received";
    RBPF_PACKET_TX = 1 "it is to be sent";
}

constants! {
    /// What the first header of a packet is.
    PACKET_TYPES;
    RBPF_PACKET_UDP = 1 "UDP";
    RBPF_PACKET_IPV6 = 2 "IPv6";
    RBPF_PACKET_SIXLOWPAN = 3 "6LoWPAN, or the IPv6 packet that it is made of";
}

constants! {
    /// What a container says about a packet; whatever else it says is a pass.
    PACKET_VERDICTS;
    RBPF_PASS = 0 "it goes on, unless another container drops it";
    RBPF_DROP = 1 "it ends here";
    RBPF_COUNT = 2 "it goes on, and is counted; containers after this one are not asked";
}
