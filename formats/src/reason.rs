//! Why a file is refused: every reason once, with its stable code and its words.

use std::fmt;

macro_rules! reasons {
    ($($variant:ident, $code:literal, $seen:literal, $advice:literal;)*) => {
        /// Why a file is refused. Never renamed, never given another meaning; new ones may appear.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $seen] $variant,)*
        }

        impl Reason {
            /// All of them, sorted by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code, in kebab-case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What was seen, in general words.
            #[must_use]
            pub const fn seen(self) -> &'static str {
                match self { $(Self::$variant => $seen,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

reasons! {
    ArchiveLink, "archive-link",
        "A member of an archive is a link, a device or a directory where files belong.",
        "Ask for the files themselves, not packed.";
    ArchivePath, "archive-path",
        "A member of an archive has a name that leads out of it or means two things.",
        "Do not unpack it; ask for the files themselves.";
    AutoMap, "auto-map",
        "A configuration names Python classes of the model's own (`auto_map`), which an engine imports if it is told to trust the model.",
        "Ask for a model whose architecture the engine knows, and delete the key before signing.";
    ChecksumMismatch, "checksum-mismatch",
        "The content of a member is not that of its checksum.",
        "Fetch the file again; if it stays so, two readers see two files.";
    Compressed, "compressed",
        "A compressed file: what it holds is read only after it was unpacked, and by another program.",
        "Ask for the file itself, unpacked.";
    ConfigNamesCode, "config-names-code",
        "A configuration names a function or class to import and call, as Hydra, PEFT or YAML of Python do.",
        "Ask for a model that needs no code of its own.";
    Executable, "executable",
        "The file is machine code or byte code.",
        "A model needs none; delete it or ask what it is for.";
    ExtensionMismatch, "extension-mismatch",
        "The name promises another format than the content has, or none that is known.",
        "Rename the file after what it is, or ask what it is for.";
    FormatNotAllowed, "format-not-allowed",
        "The content is of a known format that is not on the list of those that cannot run code.",
        "Convert the model to safetensors, GGUF or ONNX.";
    GgufLayout, "gguf-layout",
        "Tensors of a GGUF file overlap, leave holes, or do not fill the file.",
        "Convert the model again with a current tool.";
    GgufMalformed, "gguf-malformed",
        "The file begins like GGUF, and its header is not one.",
        "Convert the model again with a current tool.";
    JsonDuplicateKey, "json-duplicate-key",
        "A JSON object has one key twice: two readers see two documents.",
        "Correct the file; keep one of the two.";
    JsonMalformed, "json-malformed",
        "The file should be JSON and is not, or is too deep or too large.",
        "Correct the file.";
    KerasCode, "keras-code",
        "A Keras model has a Lambda layer or names classes outside Keras.",
        "Ask for weights alone, as safetensors.";
    NpyMalformed, "npy-malformed",
        "The file begins like an array of NumPy, and its header is not one or does not fit its size.",
        "Write the array again.";
    OnnxEscapingData, "onnx-escaping-data",
        "An ONNX file keeps data at a path outside its directory, or in a file that is not there or too short.",
        "Save the model again with its data inside or beside it.";
    OnnxMalformed, "onnx-malformed",
        "The file begins like ONNX, and is not one.",
        "Export the model again.";
    Pickle, "pickle",
        "The file is a pickle or holds one: loading it runs what it says.",
        "Convert the model to safetensors; if it has to be PyTorch, scan with --allow torch.";
    PickleCall, "pickle-call",
        "A pickle calls or builds something in a way that rebuilding tensors does not need.",
        "Do not load the file; convert the model from its source.";
    PickleExtension, "pickle-extension",
        "A pickle names code by a number of the extension registry, which only the loading program can resolve.",
        "Do not load the file.";
    PickleGlobal, "pickle-global",
        "A pickle imports a name that is not on the list of what rebuilds tensors.",
        "Do not load the file, unless you know what the name does; convert the model from its source.";
    PickleMalformed, "pickle-malformed",
        "A pickle ends too early, breaks its own rules, or has bytes that no pickle has. What comes before the fault would have run.",
        "Do not load the file.";
    PicklePersistentId, "pickle-persistent-id",
        "A pickle refers to something outside it that is not a storage of tensors.",
        "Do not load the file.";
    PickleTooLarge, "pickle-too-large",
        "A pickle has more opcodes, depth or memo than any model needs.",
        "Do not load the file.";
    PickleTrailing, "pickle-trailing",
        "Bytes follow the last pickle that are not the tensors it announced.",
        "Do not load the file; two readers see two files.";
    PythonSource, "python-source",
        "The file is Python source or byte code, or something that Python runs at its start.",
        "Ask for a model that needs no code of its own.";
    SafetensorsDuplicate, "safetensors-duplicate",
        "A safetensors header has one tensor or key twice.",
        "Save the model again.";
    SafetensorsHeader, "safetensors-header",
        "A safetensors header is too large, not JSON, or has members that none has.",
        "Save the model again.";
    SafetensorsHole, "safetensors-hole",
        "Bytes of a safetensors file belong to no tensor: between tensors or behind the last one.",
        "Save the model again.";
    SafetensorsOverlap, "safetensors-overlap",
        "Tensors of a safetensors file share bytes.",
        "Save the model again.";
    SafetensorsShape, "safetensors-shape",
        "A tensor's shape and type do not make its number of bytes, or its bytes lie outside the file.",
        "Save the model again.";
    SavedModelOp, "saved-model-op",
        "A SavedModel has operators that run Python, or read or write files.",
        "Do not load the model; ask for weights alone.";
    Script, "script",
        "The first line of the file tells a system to run it.",
        "A model needs none; delete it or ask what it is for.";
    TooDeep, "too-deep",
        "Archives are nested too deep to be looked into.",
        "Ask for the files themselves, not packed.";
    TooLarge, "too-large",
        "Something is larger or more numerous than is looked at.",
        "Ask for the model in parts, or in another format.";
    UnknownFormat, "unknown-format",
        "The content is of no format that is known.",
        "Ask what it is for; convert the model to safetensors.";
    ZipDuplicateName, "zip-duplicate-name",
        "A zip has two members of one name: two readers see two files.",
        "Pack it again.";
    ZipEncrypted, "zip-encrypted",
        "A member of a zip is encrypted.",
        "Ask for it in the clear.";
    ZipGap, "zip-gap",
        "Bytes of a zip belong to no member: before, between or behind them.",
        "Pack it again.";
    ZipHeaderMismatch, "zip-header-mismatch",
        "The two headers of a member of a zip do not say the same.",
        "Pack it again; two readers see two files.";
    ZipMalformed, "zip-malformed",
        "The file begins like a zip, and is not one.",
        "Pack it again.";
    ZipMethod, "zip-method",
        "A member of a zip is packed in a way that is not read, or grows more than it can.",
        "Pack it again, stored.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_ascend() {
        let is_plain = |code: &str| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(Reason::ALL.iter().all(|reason| is_plain(reason.code())));
        assert!(Reason::ALL.is_sorted_by(|one, next| one.code() < next.code()));
    }
}
