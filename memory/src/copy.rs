//! Copies. Up to 128 bytes all is loaded before anything is stored, so that it does not matter whether the places overlap.

use core::arch::asm;
use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

/// From so many bytes on, the processor's own copying is the fastest.
const LONG: usize = 2048;

/// Sixteen bytes.
const STEP: usize = size_of::<__m128i>();

/// Copies between places that don't overlap.
///
/// # Safety
///
/// `count` bytes must be readable at `from` and writable at `to`, and the two must not overlap.
#[inline]
pub(crate) unsafe fn apart(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's promise; each is for the lengths that it is called with.
    unsafe {
        if count <= 8 * STEP {
            short(to, from, count);
        } else if count < LONG {
            forward(to, from, count);
        } else {
            long(to, from, count);
        }
    }
}

/// Copies between places that may overlap.
///
/// # Safety
///
/// `count` bytes must be readable at `from` and writable at `to`.
#[inline]
pub(crate) unsafe fn overlapping(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's promise. Forward is right where the beginning of `to` is not within `from`.
    unsafe {
        if count <= 8 * STEP {
            short(to, from, count);
        } else if to.addr().wrapping_sub(from.addr()) >= count {
            if count < LONG || from.addr().wrapping_sub(to.addr()) < count {
                forward(to, from, count);
            } else {
                long(to, from, count);
            }
        } else {
            backward(to, from, count);
        }
    }
}

/// # Safety
///
/// As [`overlapping`], for up to 128 bytes.
#[inline]
unsafe fn short(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: each branch stays within `count` bytes: it reads and writes as many from the beginning as up to the end.
    unsafe {
        if count > 4 * STEP {
            let end = count - 4 * STEP;
            let (first, last) = (four(from, 0), four(from, end));
            put_four(to, 0, first);
            put_four(to, end, last);
        } else if count > 2 * STEP {
            let end = count - 2 * STEP;
            let (a, b, c, d) = (at(from, 0), at(from, STEP), at(from, end), at(from, end + STEP));
            put(to, 0, a);
            put(to, STEP, b);
            put(to, end, c);
            put(to, end + STEP, d);
        } else if count >= STEP {
            let (a, b) = (at(from, 0), at(from, count - STEP));
            put(to, 0, a);
            put(to, count - STEP, b);
        } else if count >= 8 {
            both_ends::<u64>(to, from, count);
        } else if count >= 4 {
            both_ends::<u32>(to, from, count);
        } else if count >= 2 {
            both_ends::<u16>(to, from, count);
        } else if count == 1 {
            *to = *from;
        }
    }
}

/// Copies one `T` from the beginning and one up to the end.
///
/// # Safety
///
/// As [`overlapping`], for at least one `T` and at most two.
#[inline]
unsafe fn both_ends<T: Copy>(to: *mut u8, from: *const u8, count: usize) {
    let end = count - size_of::<T>();
    // SAFETY: both are within `count` bytes.
    unsafe {
        let (first, last) = (from.cast::<T>().read_unaligned(), from.add(end).cast::<T>().read_unaligned());
        to.cast::<T>().write_unaligned(first);
        to.add(end).cast::<T>().write_unaligned(last);
    }
}

/// Copies from the beginning on, 64 bytes at a time.
///
/// # Safety
///
/// As [`overlapping`], for at least 128 bytes, where `to` does not begin within `from`.
#[inline]
unsafe fn forward(to: *mut u8, from: *const u8, count: usize) {
    let end = count - 4 * STEP;
    // SAFETY: each step is within `count` bytes. The last 64 were loaded before a step could write over them.
    unsafe {
        let last = four(from, end);
        let mut done = 0;
        while done < end {
            put_four(to, done, four(from, done));
            done += 4 * STEP;
        }
        put_four(to, end, last);
    }
}

/// Copies from the end on, 64 bytes at a time.
///
/// # Safety
///
/// As [`overlapping`], for at least 128 bytes, where `from` does not begin within `to`.
#[inline]
unsafe fn backward(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: each step is within `count` bytes. The first 64 were loaded before a step could write over them.
    unsafe {
        let first = four(from, 0);
        let mut left = count;
        while left > 4 * STEP {
            left -= 4 * STEP;
            put_four(to, left, four(from, left));
        }
        put_four(to, 0, first);
    }
}

/// Has the processor copy, eight bytes at a time to where a cache line's part begins: that is fast on all of them.
///
/// # Safety
///
/// As [`apart`], for at least 32 bytes.
#[inline]
unsafe fn long(to: *mut u8, from: *const u8, count: usize) {
    let skipped = to.align_offset(STEP).min(STEP);
    // SAFETY: the first and the last sixteen bytes are within `count` bytes, and the rest lies between them. The direction
    // flag is clear where functions begin (System V ABI 3.2.1).
    unsafe {
        let (first, last) = (at(from, 0), at(from, count - STEP));
        put(to, 0, first);
        asm!(
            "rep movsq",
            inout("rcx") (count - skipped) / 8 => _,
            inout("rdi") to.add(skipped) => _,
            inout("rsi") from.add(skipped) => _,
            options(nostack, preserves_flags)
        );
        put(to, count - STEP, last);
    }
}

/// # Safety
///
/// Sixteen bytes must be readable there.
#[inline]
unsafe fn at(from: *const u8, offset: usize) -> __m128i {
    // SAFETY: the caller's promise; it need not be aligned.
    unsafe { _mm_loadu_si128(from.add(offset).cast()) }
}

/// # Safety
///
/// Sixteen bytes must be writable there.
#[inline]
unsafe fn put(to: *mut u8, offset: usize, bytes: __m128i) {
    // SAFETY: the caller's promise; it need not be aligned.
    unsafe { _mm_storeu_si128(to.add(offset).cast(), bytes) }
}

/// # Safety
///
/// Sixty-four bytes must be readable there.
#[inline]
unsafe fn four(from: *const u8, offset: usize) -> [__m128i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        [at(from, offset), at(from, offset + STEP), at(from, offset + 2 * STEP), at(from, offset + 3 * STEP)]
    }
}

/// # Safety
///
/// Sixty-four bytes must be writable there.
#[inline]
unsafe fn put_four(to: *mut u8, offset: usize, bytes: [__m128i; 4]) {
    // SAFETY: the caller's promise.
    unsafe {
        put(to, offset, bytes[0]);
        put(to, offset + STEP, bytes[1]);
        put(to, offset + 2 * STEP, bytes[2]);
        put(to, offset + 3 * STEP, bytes[3]);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// All short lengths, and some beyond each bound.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..=400).chain([511, 512, 513, 1023, 1024, 2047, 2048, 2049, 2063, 2064, 2065, 4096, 5000, 70_001])
    }

    fn numbered(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
    }

    #[test]
    fn copies_are_what_they_were_and_nothing_beside_them_changes() {
        for length in lengths() {
            for (from, to) in [(0, 0), (0, 1), (1, 0), (3, 8), (8, 3), (15, 16), (16, 15), (7, 7)] {
                let source = numbered(length + 40);
                for copy in [apart, overlapping] {
                    let mut target = std::vec![0xee; length + 40];
                    // SAFETY: two vectors that are long enough.
                    unsafe { copy(target.as_mut_ptr().add(to), source.as_ptr().add(from), length) };
                    assert!(
                        target[..to].iter().chain(&target[to + length..]).all(|byte| *byte == 0xee),
                        "{length}"
                    );
                    assert_eq!(target[to..to + length], source[from..from + length], "{length} {from} {to}");
                }
            }
        }
    }

    #[test]
    fn what_overlaps_is_moved_whole_in_both_directions() {
        for length in lengths() {
            for distance in [0, 1, 2, 7, 8, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 2048, 5000] {
                for (from, to) in [(0, distance), (distance, 0), (3, 3 + distance), (3 + distance, 3)] {
                    let mut moved = numbered(length + distance + 3);
                    let mut wanted = moved.clone();
                    wanted.copy_within(from..from + length, to);
                    let all = moved.as_mut_ptr();
                    // SAFETY: both are within the vector.
                    unsafe { overlapping(all.add(to), all.add(from).cast_const(), length) };
                    assert!(moved == wanted, "{length} bytes from {from} to {to}");
                }
            }
        }
    }
}
