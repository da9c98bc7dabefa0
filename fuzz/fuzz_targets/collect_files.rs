//! Records and documents that are read where they lie.

#![no_main]

use collect::documents::{self, DocumentKind};
use collect::registries::{self, Registry};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::{fits, with_file};

fuzz_target!(|input: &[u8]| {
    with_file("file", input, |dir| {
        let path = dir.join("file");
        for kind in [DocumentKind::ModelCard, DocumentKind::Datasheet, DocumentKind::Croissant] {
            fits(&documents::read(&path, kind));
        }
        for registry in [Registry::KitOps, Registry::Pachyderm, Registry::SageMaker] {
            fits(&registries::read(&path, registry));
        }
    });
    for name in ["dvc.lock", "data.dvc"] {
        with_file(name, input, |dir| fits(&collect::dvc::read(dir)));
    }
    for name in ["config.json", "README.md", "adapter_config.json"] {
        with_file(name, input, |dir| fits(&collect::hugging_face::read(dir)));
    }
    with_file("MLmodel", input, |dir| {
        if let Ok(collected) = collect::mlflow::read_model(dir) {
            fits(&collected);
        }
    });
});
