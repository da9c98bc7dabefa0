//! What the model of the demo is made from: a base model, a dataset, and the code, which is really run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::safetensors::{self, Tensor};
use crate::command;

/// The layers of the small model. The training code has the same names.
const LAYER_1: &str = "layer-1.safetensors";
const LAYER_2: &str = "layer-2.safetensors";

/// Units of the hidden layer; the training code has the same number.
const HIDDEN: usize = 8;

/// Pseudo-random numbers that are the same on every machine: Knuth's 64-bit linear congruential generator.
struct Numbers(u64);

impl Numbers {
    /// In [-1, 1).
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The upper 24 bits fit an f32 exactly.
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit the 24 bits of an f32")]
        let unit = (self.0 >> 40) as f32 / (1_u32 << 24) as f32;
        2.0 * unit - 1.0
    }
}

/// An untrained model of two layers and a note on what it is.
pub(super) fn write_base(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut numbers = Numbers(1);
    let mut list = |length: usize| (0..length).map(|_| numbers.next()).collect::<Vec<f32>>();
    let (weights, biases, output, bias) = (list(2 * HIDDEN), list(HIDDEN), list(HIDDEN), list(1));
    let layers = [
        (
            LAYER_1,
            safetensors::to_bytes(&[
                Tensor { name: "weight", shape: &[HIDDEN, 2], values: &weights },
                Tensor { name: "bias", shape: &[HIDDEN], values: &biases },
            ]),
        ),
        (
            LAYER_2,
            safetensors::to_bytes(&[
                Tensor { name: "weight", shape: &[1, HIDDEN], values: &output },
                Tensor { name: "bias", shape: &[1], values: &bias },
            ]),
        ),
        ("config.json", b"{\"architecture\":\"mlp\",\"inputs\":2,\"hidden\":8,\"outputs\":1}\n".to_vec()),
    ];
    for (name, bytes) in layers {
        fs::write(dir.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// Two CSV files of points in a square, labelled by whether they lie in a circle.
pub(super) fn write_dataset(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut numbers = Numbers(2);
    for file in ["points-1.csv", "points-2.csv"] {
        let mut text = "x,y,label\n".to_owned();
        for _ in 0..128 {
            let (x, y) = (2.0 * numbers.next(), 2.0 * numbers.next());
            text.push_str(&format!("{x:.4},{y:.4},{}\n", u8::from(x * x + y * y < 1.9)));
        }
        fs::write(dir.join(file), text).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

/// A git repository with the training code, one commit.
pub(super) fn write_code(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::write(dir.join("train.rs"), include_str!("../../demo/train.rs"))?;
    fs::write(dir.join("safetensors.rs"), include_str!("../../demo/safetensors.rs"))?;
    let git = |words: &[&str]| {
        let mut call = Command::new("git");
        // The owner's settings (signing, hooks, templates) are none of the demo's business.
        call.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(dir);
        call.args(["-c", "user.name=tallymark demo", "-c", "user.email=demo@localhost"]).args(words);
        command::read(&mut call).map(drop)
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["add", "train.rs", "safetensors.rs"])?;
    git(&["commit", "--quiet", "--message", "train: a hidden layer and gradient descent"])
}

/// Compiles the code and runs it: `out` is made from base, data and code. Returns what it printed.
pub(super) fn train(code: &Path, base: &Path, data: &Path, out: &Path, program: &Path) -> Result<String> {
    let mut rustc = Command::new("rustc");
    // Compiled from outside the checkout, which stays as it was committed.
    rustc.args(["--edition", "2024", "-C", "opt-level=2", "-o"]).arg(program).arg(code.join("train.rs"));
    command::read(&mut rustc)?;
    command::read(Command::new(program).args([base, data, out]))
}

/// How many numbers of the two layers differ between base and trained model, of how many. Nothing if the base has none.
pub(super) fn changed_numbers(base: &Path, trained: &Path) -> Result<Option<(usize, usize)>> {
    let (mut changed, mut all) = (0, 0);
    for layer in [LAYER_1, LAYER_2] {
        let read = |dir: &Path| -> Result<Option<Vec<f32>>> {
            let path: PathBuf = dir.join(layer);
            if !path.exists() {
                return Ok(None);
            }
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            safetensors::numbers(&bytes)
                .map(Some)
                .with_context(|| format!("{} has another layout", path.display()))
        };
        let (Some(before), Some(after)) = (read(base)?, read(trained)?) else { return Ok(None) };
        all += after.len();
        changed +=
            before.iter().zip(&after).filter(|(before, after)| before.to_bits() != after.to_bits()).count();
    }
    Ok(Some((changed, all)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_safetensors_is_read_back() {
        let values = [1.5_f32, -0.0, f32::MIN_POSITIVE];
        let bytes = safetensors::to_bytes(&[Tensor { name: "weight", shape: &[3], values: &values }]);
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        assert_eq!(length % 8, 0, "numbers are aligned");
        let header: serde_json::Value =
            serde_json::from_slice(&bytes[8..8 + usize::try_from(length).expect("small")])
                .expect("the header is JSON");
        assert_eq!(header["weight"]["data_offsets"], serde_json::json!([0, 12]));
        assert_eq!(safetensors::numbers(&bytes), Some(values.to_vec()));
        assert_eq!(safetensors::numbers(&bytes[..bytes.len() - 1]), None);
        assert_eq!(safetensors::numbers(&[0xff; 8]), None);
    }

    #[test]
    fn the_same_base_and_data_are_written_every_time() {
        let (one, other) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        for dir in [&one, &other] {
            write_base(dir.path()).expect("written");
            write_dataset(dir.path()).expect("written");
        }
        for name in [LAYER_1, LAYER_2, "points-1.csv", "points-2.csv"] {
            let read = |dir: &tempfile::TempDir| fs::read(dir.path().join(name)).expect("readable");
            assert_eq!(read(&one), read(&other), "{name}");
        }
    }
}
