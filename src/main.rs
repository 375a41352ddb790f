use std::process::ExitCode;

fn main() -> ExitCode {
    flack::server::run::main()
}
