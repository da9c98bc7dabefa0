//! What must just work: models as they lie with people who changed nothing. Each is signed where it was made, goes through an archive, is laid out as
//! some tool does it, and is verified there.
//!
//! The names are those that tools really write; of the contents only their bytes count here. What formats may hold is the corpus of the crate `formats`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may stop")]

#[expect(dead_code, reason = "the world of the cases, of which these tests use a part")]
#[path = "../examples/vectors/world.rs"]
mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::bundle::{ModelShape, bundle_path_for};
use attest::model_name::NameVersion;
use attest::provenance::Provenance;
use attest::scan::{ScanOptions, scan};
use verifier::load::Request;

use world::{INDEX, Log, bundle, entry, line, plain_trust, publisher};

/// What becomes of the model on its way: what is beside it afterwards, and where it lies then.
type Journey = fn(&Path) -> PathBuf;

struct Layout {
    what: &'static str,
    files: &'static [&'static str],
    journey: Journey,
}

fn stays(model: &Path) -> PathBuf {
    model.to_owned()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The cache of the hub's client: links into a folder of blobs.
fn into_hub_cache(model: &Path) -> PathBuf {
    let repository = model.parent().unwrap().join("models--acme--churn");
    let snapshot = repository.join("snapshots/9a3e1c5b7d9f0a2b4c6d8e0f1a3b5c7d9e0f1a2b");
    write(&repository.join("refs/main"), "9a3e1c5b7d9f0a2b4c6d8e0f1a3b5c7d9e0f1a2b");
    fs::create_dir_all(repository.join("blobs")).unwrap();
    for (number, path) in walk(model).into_iter().enumerate() {
        let below = path.strip_prefix(model).unwrap();
        let blob = repository.join("blobs").join(format!("{number:064x}"));
        fs::rename(&path, &blob).unwrap();
        let link = snapshot.join(below);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let up = "../".repeat(below.components().count() + 1);
        symlink(format!("{up}blobs/{number:064x}"), link).unwrap();
    }
    snapshot
}

/// `hf download --local-dir`: its bookkeeping beside the files.
fn into_local_dir(model: &Path) -> PathBuf {
    write(&model.join(".cache/huggingface/.gitignore"), "*");
    write(&model.join(".cache/huggingface/download/config.json.metadata"), "9a3e\n0\n1.0\n");
    write(&model.join(".cache/huggingface/download/config.json.lock"), "");
    stays(model)
}

fn into_git(model: &Path) -> PathBuf {
    write(&model.join(".git/HEAD"), "ref: refs/heads/main\n");
    write(&model.join(".git/hooks/pre-commit.sample"), "#!/bin/sh\n");
    write(&model.join(".git/lfs/objects/ab/cd/abcd"), "x");
    stays(model)
}

/// What file managers leave behind.
fn through_file_managers(model: &Path) -> PathBuf {
    for litter in [".DS_Store", "Thumbs.db", "desktop.ini", "tokenizer/.DS_Store"] {
        write(&model.join(litter), "litter");
    }
    stays(model)
}

/// Another tool's signature in the same folder.
fn signed_twice(model: &Path) -> PathBuf {
    write(&model.join("model.sig"), "{}\n");
    stays(model)
}

/// A volume that nobody may write to.
fn into_read_only(model: &Path) -> PathBuf {
    for path in walk(model) {
        fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
    }
    stays(model)
}

/// From a file system that says of every file that it is a program.
fn from_foreign_disk(model: &Path) -> PathBuf {
    for path in walk(model) {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
    stays(model)
}

/// Deployments switch by a link.
fn behind_a_link(model: &Path) -> PathBuf {
    let link = model.parent().unwrap().join("current");
    symlink("model", &link).unwrap();
    link
}

fn with_empty_directories(model: &Path) -> PathBuf {
    fs::create_dir_all(model.join("logs/tensorboard")).unwrap();
    stays(model)
}

/// A store that keeps equal bytes once.
fn hard_linked(model: &Path) -> PathBuf {
    let store = model.parent().unwrap().join("store");
    fs::create_dir(&store).unwrap();
    for (number, path) in walk(model).into_iter().enumerate() {
        fs::hard_link(path, store.join(number.to_string())).unwrap();
    }
    stays(model)
}

fn renamed(model: &Path) -> PathBuf {
    let other = model.parent().unwrap().join("churn (1)");
    fs::rename(model, &other).unwrap();
    other
}

const LAYOUTS: &[Layout] = &[
    Layout {
        what: "an encoder",
        files: &[
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.txt",
            "special_tokens_map.json",
            "README.md",
        ],
        journey: stays,
    },
    Layout {
        what: "a decoder with merges",
        files: &["config.json", "generation_config.json", "merges.txt", "model.safetensors", "vocab.json"],
        journey: stays,
    },
    Layout {
        what: "a model in shards",
        files: &[
            "config.json",
            "model-00001-of-00003.safetensors",
            "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
            "model.safetensors.index.json",
            "tokenizer.model",
        ],
        journey: stays,
    },
    Layout {
        what: "a consolidated model",
        files: &["consolidated.safetensors", "params.json", "tekken.json"],
        journey: stays,
    },
    Layout {
        what: "several quantisations",
        files: &["churn.Q4_K_M.gguf", "churn.Q8_0.gguf", "churn.f16.gguf", "README.md"],
        journey: stays,
    },
    Layout {
        what: "a split GGUF",
        files: &["churn-00001-of-00002.gguf", "churn-00002-of-00002.gguf"],
        journey: stays,
    },
    Layout { what: "a single GGUF file", files: &["churn.gguf"], journey: stays },
    Layout {
        what: "a single file with blanks in its name",
        files: &["my model (final).safetensors"],
        journey: stays,
    },
    Layout {
        what: "ONNX with its weights beside it",
        files: &["onnx/model.onnx", "onnx/model.onnx_data", "config.json"],
        journey: stays,
    },
    Layout {
        what: "an adapter",
        files: &["adapter_config.json", "adapter_model.safetensors", "README.md"],
        journey: stays,
    },
    Layout {
        what: "a diffusion pipeline",
        files: &[
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ],
        journey: stays,
    },
    Layout {
        what: "a sentence encoder",
        files: &[
            "1_Pooling/config.json",
            "config.json",
            "config_sentence_transformers.json",
            "model.safetensors",
            "modules.json",
            "sentence_bert_config.json",
        ],
        journey: stays,
    },
    Layout {
        what: "speech to text",
        files: &[
            "added_tokens.json",
            "config.json",
            "model.safetensors",
            "normalizer.json",
            "preprocessor_config.json",
        ],
        journey: stays,
    },
    Layout {
        what: "images and text",
        files: &[
            "config.json",
            "model.safetensors",
            "preprocessor_config.json",
            "processor_config.json",
            "vocab.json",
        ],
        journey: stays,
    },
    Layout {
        what: "SentencePiece",
        files: &["config.json", "model.safetensors", "spiece.model"],
        journey: stays,
    },
    Layout {
        what: "four bits with groups",
        files: &["config.json", "model.safetensors", "quantize_config.json"],
        journey: stays,
    },
    Layout {
        what: "a chat template of its own",
        files: &["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"],
        journey: stays,
    },
    Layout {
        what: "a training checkpoint",
        files: &[
            "checkpoint-500/config.json",
            "checkpoint-500/model.safetensors",
            "checkpoint-500/optimizer.pt",
            "checkpoint-500/rng_state.pth",
            "checkpoint-500/scheduler.pt",
            "checkpoint-500/trainer_state.json",
            "checkpoint-500/training_args.bin",
        ],
        journey: stays,
    },
    Layout {
        what: "an MLflow model",
        files: &[
            "MLmodel",
            "conda.yaml",
            "python_env.yaml",
            "requirements.txt",
            "model/config.json",
            "model/model.safetensors",
        ],
        journey: stays,
    },
    Layout {
        what: "an MLflow download with its extra file",
        files: &["MLmodel", "model.pkl", "registered_model_meta", "requirements.txt"],
        journey: stays,
    },
    Layout {
        what: "a pipeline of spaCy",
        files: &[
            "config.cfg",
            "meta.json",
            "ner/cfg",
            "ner/model",
            "ner/moves",
            "tokenizer",
            "vocab/strings.json",
            "vocab/vectors",
        ],
        journey: stays,
    },
    Layout {
        what: "a SavedModel",
        files: &[
            "fingerprint.pb",
            "saved_model.pb",
            "variables/variables.data-00000-of-00001",
            "variables/variables.index",
        ],
        journey: stays,
    },
    Layout {
        what: "a Core ML package",
        files: &[
            "Churn.mlpackage/Manifest.json",
            "Churn.mlpackage/Data/com.apple.CoreML/model.mlmodel",
            "Churn.mlpackage/Data/com.apple.CoreML/weights/weight.bin",
        ],
        journey: stays,
    },
    Layout {
        what: "OpenVINO",
        files: &["openvino_model.bin", "openvino_model.xml", "openvino_config.json"],
        journey: stays,
    },
    Layout { what: "TensorRT", files: &["config.json", "rank0.engine", "rank1.engine"], journey: stays },
    Layout {
        what: "a repository of a server",
        files: &["churn/1/model.onnx", "churn/2/model.onnx", "churn/config.pbtxt"],
        journey: stays,
    },
    Layout { what: "arrays", files: &["embeddings.npy", "weights.npz", "ids.json"], journey: stays },
    Layout {
        what: "a robot's policy",
        files: &["config.json", "model.safetensors", "train_config.json", "policy_preprocessor.json"],
        journey: stays,
    },
    Layout {
        what: "a card with pictures",
        files: &[
            "README.md",
            "assets/loss.png",
            "assets/arch.svg",
            "config.json",
            "model.safetensors",
            "LICENSE.txt",
        ],
        journey: stays,
    },
    Layout {
        what: "code of its own",
        files: &["config.json", "configuration_churn.py", "modeling_churn.py", "model.safetensors"],
        journey: stays,
    },
    Layout {
        what: "names in other scripts",
        files: &["README_中文.md", "モデル/config.json", "модель.safetensors", "façade.txt", "emoji-🙂.json"],
        journey: stays,
    },
    Layout {
        what: "blanks, brackets and more",
        files: &[
            "a b.json",
            "c,d.json",
            "e#f.json",
            "g%20h.json",
            "[i].json",
            "j'k.json",
            "l&m.json",
            "n~o.json",
            "p=q.json",
        ],
        journey: stays,
    },
    Layout {
        what: "hidden files that belong to it",
        files: &[".gitattributes", ".gitignore", ".env.example", "config.json", "model.safetensors"],
        journey: stays,
    },
    Layout {
        what: "files of no bytes",
        files: &["__init__.py", "empty/.gitkeep", "model.safetensors"],
        journey: stays,
    },
    Layout {
        what: "a deep folder",
        files: &["a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/model.safetensors"],
        journey: stays,
    },
    Layout {
        what: "names that sort differently in bytes and in words",
        files: &["A.json", "a-1.json", "a.json.bak", "a/1.json", "a0.json", "b.json", "a_1.json"],
        journey: stays,
    },
    Layout {
        what: "in the hub's cache",
        files: &["config.json", "model.safetensors", "onnx/model.onnx"],
        journey: into_hub_cache,
    },
    Layout {
        what: "in a local folder of the hub's client",
        files: &["config.json", "model.safetensors"],
        journey: into_local_dir,
    },
    Layout {
        what: "in a clone with large files",
        files: &[".gitattributes", "config.json", "model.safetensors"],
        journey: into_git,
    },
    Layout {
        what: "through file managers",
        files: &["config.json", "model.safetensors", "tokenizer/vocab.txt"],
        journey: through_file_managers,
    },
    Layout {
        what: "signed by another tool too",
        files: &["config.json", "model.safetensors"],
        journey: signed_twice,
    },
    Layout {
        what: "on a volume that nobody may write to",
        files: &["config.json", "model.safetensors"],
        journey: into_read_only,
    },
    Layout {
        what: "from a disk without modes",
        files: &["config.json", "model.safetensors"],
        journey: from_foreign_disk,
    },
    Layout { what: "behind a link", files: &["config.json", "model.safetensors"], journey: behind_a_link },
    Layout {
        what: "beside empty directories",
        files: &["config.json", "model.safetensors"],
        journey: with_empty_directories,
    },
    Layout {
        what: "in a store of hard links",
        files: &["config.json", "model.safetensors"],
        journey: hard_linked,
    },
    Layout {
        what: "in a folder of another name",
        files: &["config.json", "model.safetensors"],
        journey: renamed,
    },
];

/// All regular files below a directory.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path),
        }
    }
    found
}

/// The model in a directory, or as the one file that it is.
fn made(layout: &Layout, at: &Path) -> (PathBuf, ModelShape) {
    for path in layout.files {
        let is_empty = path.contains("__init__") || path.contains(".gitkeep");
        write(&at.join(path), if is_empty { "" } else { path });
    }
    match layout.files {
        [one] if !one.contains('/') => (at.join(one), ModelShape::SingleFile),
        _ => (at.to_owned(), ModelShape::Directory),
    }
}

fn sign(model: &Path, shape: ModelShape) {
    let tree = scan(model, &ScanOptions::new(), &|_, _| {}).unwrap();
    let label: NameVersion = "acme/churn:1".parse().unwrap();
    let provenance = Provenance::new(None, Vec::new(), "0.1.0".parse().unwrap()).unwrap();
    let statement = provenance.to_statement_bytes(label.name(), label.version(), &tree);
    let log = Log::holding(&[entry(&statement, &publisher())]);
    let bundle = bundle(&statement, &publisher(), log.answer(INDEX));
    fs::write(bundle_path_for(model, shape), line(&bundle)).unwrap();
}

#[test]
fn models_as_people_have_them_are_verified() {
    assert!(LAYOUTS.len() >= 40);
    for Layout { what, .. } in LAYOUTS {
        assert_eq!(LAYOUTS.iter().filter(|other| other.what == *what).count(), 1, "{what} is there twice");
    }
    let mut wrong = Vec::new();
    for layout in LAYOUTS {
        let (maker, user) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (model, shape) = made(layout, &maker.path().join("model"));
        sign(&model, shape);
        // Times are rounded and modes mended on the way.
        let script = "tar -C \"$1\" -cf - model | tar -C \"$2\" -xf - --no-same-permissions";
        let mut tar = Command::new("sh");
        let tar = tar.args(["-c", script, "sh"]).arg(maker.path()).arg(user.path()).status();
        assert!(tar.unwrap().success(), "{}", layout.what);
        fs::write(user.path().join("trust.toml"), plain_trust()).unwrap();
        let model = user.path().join(model.strip_prefix(maker.path()).unwrap());
        let model = (layout.journey)(&model);
        let trust = Some(user.path().join("trust.toml"));
        let verdict = Request::new(&model).trust(trust).verify(&|_, _| {});
        if let Err(refusal) = verdict.result() {
            wrong.push(format!("{}: {}", layout.what, refusal.reason()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
