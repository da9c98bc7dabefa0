//! A disk whose power can be cut: ext4 on a loop file.
//!
//! The cut is `FS_IOC_SHUTDOWN` with "no log flush": from that moment the file system writes nothing any more, neither
//! data nor journal, as if the machine had lost power. What was synced before is there after the next mount, what was
//! not is gone or comes back as zero bytes.
//!
//! The ioctl has no safe wrapper in any library we use, and this workspace forbids unsafe code, so it is made by a line
//! of Perl, which every Debian has. The number is the same on all Linux architectures we build for:
//!
//! ```text
//! _IOR('X', 125, u32) = 2 << 30 | 4 << 16 | 'X' << 8 | 125 = 0x8004587d      argument: u32 2, no log flush
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::machine::{missing_tools, tool};
use crate::plan::{CannotHere, not_root};
use crate::scratch::unmount;

const CUT: &str = r#"open(my $f, "<", $ARGV[0]) or die "open: $!"; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die "ioctl: $!";"#;

/// An ext4 file system in a file.
#[derive(Debug)]
pub struct Image {
    file: PathBuf,
    point: PathBuf,
    mounted: bool,
}

/// Why images cannot be used on this machine, if so.
#[must_use]
pub fn cannot() -> Option<String> {
    not_root().or_else(|| missing_tools(&["mkfs.ext4", "mount", "umount", "perl"]))
}

impl Image {
    /// Makes an image of so many MiB (sparse) in a directory and mounts it beside itself.
    ///
    /// # Errors
    /// It cannot be made; [`CannotHere`] if it cannot be mounted.
    pub fn new(dir: &Path, name: &str, mib: u64) -> Result<Self> {
        let (file, point) = (dir.join(format!("{name}.img")), dir.join(name));
        let made = File::create(&file).with_context(|| format!("cannot make {}", file.display()))?;
        made.set_len(mib * 1024 * 1024).context("cannot size the image")?;
        drop(made);
        std::fs::create_dir_all(&point).context("cannot make the mount point")?;
        // No reserved blocks: a full disk is to be full for root too.
        done(Command::new(path_of("mkfs.ext4")).args(["-q", "-F", "-m", "0"]).arg(&file))?;
        let mut image = Self { file, point, mounted: false };
        image.mount().map_err(|error| CannotHere(format!("a loop mount fails: {error:#}")))?;
        Ok(image)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.point
    }

    /// Mounts it again; the journal is replayed.
    ///
    /// # Errors
    /// The mount fails.
    pub fn mount(&mut self) -> Result<()> {
        done(Command::new(path_of("mount")).args(["-o", "loop"]).arg(&self.file).arg(&self.point))?;
        self.mounted = true;
        Ok(())
    }

    /// Unmounts it.
    ///
    /// # Errors
    /// The unmount fails.
    pub fn unmount(&mut self) -> Result<()> {
        unmount(&self.point)?;
        self.mounted = false;
        Ok(())
    }

    /// Cuts its power. Everything that uses it must have been stopped, or a sync that races with the cut may return
    /// success and make an acknowledgement look lost that a real power cut would never have let out.
    ///
    /// # Errors
    /// The ioctl fails.
    pub fn cut_power(&self) -> Result<()> {
        done(Command::new(path_of("perl")).args(["-e", CUT]).arg(&self.point))
    }

    /// Cuts the power of a new image once, and looks whether what was not synced is gone. If it is not, a run over this
    /// image would prove nothing.
    ///
    /// # Errors
    /// [`CannotHere`] if the bytes survive.
    pub fn prove_cut(&mut self) -> Result<()> {
        let path = self.point.join("unsynced");
        let bytes = [b'x'; 4096];
        std::fs::write(&path, bytes).context("cannot write to the image")?;
        self.cut_power()?;
        self.unmount()?;
        self.mount()?;
        if std::fs::read(&path).is_ok_and(|read| read == bytes) {
            return Err(CannotHere("what was not synced survives the shutdown ioctl here".to_owned()).into());
        }
        let _ = std::fs::remove_file(&path);
        Ok(())
    }

    /// Unmounts and deletes it.
    ///
    /// # Errors
    /// The unmount fails.
    pub fn remove(mut self) -> Result<()> {
        self.unmount()?;
        std::fs::remove_file(&self.file).context("cannot remove the image")
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.mounted {
            // If this fails, the sweep before the next run tries again.
            let _ = unmount(&self.point);
        }
    }
}

fn path_of(name: &str) -> PathBuf {
    tool(name).unwrap_or_else(|| name.into())
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{:?} failed: {}", command.get_program(), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
