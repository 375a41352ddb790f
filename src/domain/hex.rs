//! Bytes as text: two lower-case hexadecimal digits each.

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`hex`] writes, if it is of so many bytes.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_hex = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 2 * N || !is_hex {
        return None;
    }
    for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_are_written() {
        assert_eq!(hex(&[0, 0x0F, 0xA0, 0xFF]), "000fa0ff");
        assert_eq!(unhex("000fa0ff"), Some([0, 0x0F, 0xA0, 0xFF]));
        for other in ["", "000fa0", "000fa0ff00", "000FA0FF", "+00fa0ff", "éééé"] {
            assert_eq!(unhex::<4>(other), None, "{other}");
        }
    }
}
