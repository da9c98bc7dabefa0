//! Fills testdata/witness-exchange; called by `cargo xtask vectors` with that folder.

use std::path::Path;

#[path = "../tests/exchange.rs"]
#[expect(clippy::unwrap_used, reason = "a generator of cases stops at the first surprise")]
mod exchange;
#[path = "../tests/wire.rs"]
#[expect(clippy::unwrap_used, dead_code, reason = "shared with the sessions, which use all of it")]
mod wire;

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(std::io::Error::other("the folder to fill is wanted"));
    };
    let home = std::env::temp_dir().join(format!("witness-exchange-{}", std::process::id()));
    std::fs::create_dir(&home)?;
    let files = exchange::exchange(&home);
    std::fs::remove_dir_all(&home)?;
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in files {
        std::fs::write(Path::new(&folder).join(name), bytes)?;
    }
    Ok(())
}
