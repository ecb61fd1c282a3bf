//! Parses the arguments, runs the command, says how it went.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// Linked for what it is called by: memcpy and its kin.
#[cfg(all(target_arch = "x86_64", target_env = "musl"))]
use sidegate_memory as _;

fn main() -> std::process::ExitCode {
    sidegate::cli::run()
}
