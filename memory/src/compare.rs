//! Comparisons, sixteen bytes at a time.

use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8};

/// Sixteen bytes.
const STEP: usize = size_of::<__m128i>();

/// What all sixteen being equal looks like.
const EQUAL: i32 = 0xffff;

/// Less than, equal to or greater than 0, as the first bytes that differ say.
///
/// # Safety
///
/// `count` bytes must be readable at both.
#[inline]
pub(crate) unsafe fn order(a: *const u8, b: *const u8, count: usize) -> i32 {
    if count < STEP {
        // SAFETY: the caller's promise.
        return unsafe { short(a, b, count) };
    }
    let mut at = 0;
    loop {
        // SAFETY: a step ends at `count` at the latest: the last one begins where it has to for that.
        unsafe {
            let (left, right) = (_mm_loadu_si128(a.add(at).cast()), _mm_loadu_si128(b.add(at).cast()));
            let equal = _mm_movemask_epi8(_mm_cmpeq_epi8(left, right));
            if equal != EQUAL {
                let first = at + equal.trailing_ones() as usize;
                return difference(*a.add(first), *b.add(first));
            }
        }
        if at + STEP == count {
            return 0;
        }
        at = (at + STEP).min(count - STEP);
    }
}

/// # Safety
///
/// As [`order`], for less than sixteen bytes.
#[inline]
unsafe fn short(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: each branch stays within `count` bytes: it reads as many from the beginning as up to the end.
    unsafe {
        if count >= 8 {
            let first = by_value(word(a, 0), word(b, 0));
            if first != 0 { first } else { by_value(word(a, count - 8), word(b, count - 8)) }
        } else {
            let mut at = 0;
            while at < count {
                if *a.add(at) != *b.add(at) {
                    return difference(*a.add(at), *b.add(at));
                }
                at += 1;
            }
            0
        }
    }
}

/// Eight bytes, of which the first counts the most.
///
/// # Safety
///
/// Eight bytes must be readable there.
#[inline]
unsafe fn word(from: *const u8, offset: usize) -> u64 {
    // SAFETY: the caller's promise; it need not be aligned.
    u64::from_be(unsafe { from.add(offset).cast::<u64>().read_unaligned() })
}

#[inline]
fn by_value(a: u64, b: u64) -> i32 {
    i32::from(a > b) - i32::from(a < b)
}

#[inline]
fn difference(a: u8, b: u8) -> i32 {
    i32::from(a) - i32::from(b)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn the_first_byte_that_differs_decides_and_none_behind_the_end_counts() {
        for length in (0..=100).chain([255, 256, 257, 1000]) {
            for begin in [0, 1, 7, 15] {
                let a = vec![0x80; begin + length + 1];
                let mut b = a.clone();
                b[begin + length] = 0;
                let compared = |b: &[u8]| {
                    // SAFETY: both are longer.
                    unsafe { order(a.as_ptr().add(begin), b.as_ptr().add(begin), length) }
                };
                assert_eq!(compared(&b), 0, "{length}");
                for place in 0..length {
                    for (byte, sign) in [(0x7f, 1), (0x81, -1), (0x00, 1), (0xff, -1)] {
                        let mut b = b.clone();
                        b[begin + place] = byte;
                        // What differs later says the contrary.
                        b[begin + place + 1..].fill(if sign == 1 { 0xff } else { 0 });
                        assert_eq!(compared(&b).signum(), sign, "{length} {place} {byte:x}");
                    }
                }
            }
        }
    }
}
