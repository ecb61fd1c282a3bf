//! Parses the arguments, runs the command, says how it went.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sidegate::cli::run()
}
