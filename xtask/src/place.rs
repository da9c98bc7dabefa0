//! Where things are: the checkout, and the cache outside it that every checkout shares.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the checkout that `cargo xtask` was typed in.
pub(crate) fn repository() -> PathBuf {
    // At run time first: a shared target directory may hold a binary that another checkout compiled.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// `${XDG_CACHE_HOME:-~/.cache}/tallymark`, made if it is not there.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ => PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    let cache = base.join("tallymark");
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    Ok(cache)
}

/// The program called `name` in `PATH`, or in the cache's tool directory.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate| candidate.is_file())
    });
    in_path.or_else(|| {
        cache().ok().map(|dir| dir.join("tools/bin").join(name)).filter(|candidate| candidate.is_file())
    })
}
