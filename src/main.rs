//! The `impasto` command: a thin layer over the library.

fn main() -> std::process::ExitCode {
    impasto::cli::main()
}
