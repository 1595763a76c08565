//! Bytes from the wire: reading never panics, and what was read is written and read again as itself.
//!
//! Everything before the first line break is the type as JSON, so that chance can change the type too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin::cty::{Type, decode, encode};

fuzz_target!(|data: &[u8]| {
    let (ty, bytes) = typed(data).unwrap_or((Type::Dynamic, data));
    if let Ok(value) = decode(bytes, &ty) {
        assert_eq!(decode(&encode(&value, &ty), &ty).as_ref(), Ok(&value));
    }
});

fn typed(data: &[u8]) -> Option<(Type, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let json = serde_json::from_slice(&data[..end]).ok()?;
    Some((Type::from_json(&json).ok()?, &data[end + 1..]))
}
