//! `memcpy`, `memmove`, `memcmp` and `bcmp` for the static program on x86-64, where musl's own begin each copy by `rep movsq`
//! (some thirty cycles, whatever its length) and compare byte by byte: a tenth of what a forwarded request took. Who links
//! this crate for that target gets these instead; for all other targets it is empty but for its tests.
//!
//! No crate offers them, and the others who found the same wrote their own, too (uv's issue 10610; `OpenVMM`'s `fast_memcpy`).

#![no_std]
// Or the compiler would see a copy in the loops below, and have them call themselves.
#![no_builtins]

#[cfg(test)]
extern crate std;

#[cfg(all(target_arch = "x86_64", any(test, target_env = "musl")))]
mod compare;
#[cfg(all(target_arch = "x86_64", any(test, target_env = "musl")))]
mod copy;

/// The C names. A library that is linked before the C library gives these; in tests of other targets they would be
/// everybody's.
#[cfg(all(target_arch = "x86_64", target_env = "musl", not(test)))]
mod names {
    use core::ffi::c_int;

    use super::{compare, copy};

    /// ISO C 7.24.2.1.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        unsafe { copy::apart(to, from, count) };
        to
    }

    /// ISO C 7.24.2.2.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        unsafe { copy::overlapping(to, from, count) };
        to
    }

    /// ISO C 7.24.4.1.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> c_int {
        // SAFETY: the caller's promise is the same.
        unsafe { compare::order(a, b, count) }
    }

    /// The same for who only asks whether they are equal (POSIX.1-2001).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> c_int {
        // SAFETY: the caller's promise is the same.
        unsafe { compare::order(a, b, count) }
    }
}
