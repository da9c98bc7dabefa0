//! Texts, configurations, programs.

use crate::case::Case;

pub(crate) fn add(cases: &mut Vec<Case>) {
    let mut push =
        |name: &str, why: &str, file: &str, bytes: &[u8], format: &'static str, reasons: &[&'static str]| {
            cases.push(Case::refused(name, why, (file, bytes.to_vec()), format, reasons));
        };
    let automap = br#"{"architectures":["Net"],"auto_map":{"AutoModel":"modeling_net.Net"}}"#;
    push(
        "auto-map",
        "a configuration that names a class of the model's own",
        "config.json",
        automap,
        "json",
        &["auto-map"],
    );
    let escaped = br#"{"architectures":["Net"],"auto\u005fmap":{"AutoModel":"modeling_net.Net"}}"#;
    push("auto-map-escaped", "the same, spelt with an escape", "config.json", escaped, "json", &["auto-map"]);
    let nested = br#"{"a":[{"b":{"auto_map":{"AutoTokenizer":["x.Y",null]}}}]}"#;
    push(
        "auto-map-nested",
        "the same, deep in a document",
        "tokenizer_config.json",
        nested,
        "json",
        &["auto-map"],
    );
    push(
        "hydra",
        "Hydra: a function to call",
        "model.json",
        br#"{"model":{"_target_":"os.system","command":"echo"}}"#,
        "json",
        &["config-names-code"],
    );
    push(
        "hydra-yaml",
        "the same as YAML",
        "model.yaml",
        b"model:\n  _target_: os.system\n",
        "text",
        &["config-names-code"],
    );
    push(
        "yaml-python",
        "YAML with a tag of Python",
        "a.yml",
        b"a: !!python/object/apply:os.system ['echo']\n",
        "text",
        &["config-names-code"],
    );
    push(
        "yaml-escaped",
        "a key of YAML spelt with an escape",
        "a.yaml",
        b"\"\\x5ftarget_\": os.system\n",
        "text",
        &["config-names-code"],
    );
    push(
        "peft-library",
        "an adapter that names a library to import",
        "adapter_config.json",
        br#"{"auto_mapping":{"base_model_class":"M","parent_library":"evil"}}"#,
        "json",
        &["config-names-code"],
    );
    push(
        "jsonpickle",
        "objects as jsonpickle writes them",
        "model.json",
        br#"{"py/object":"os.system"}"#,
        "json",
        &["config-names-code"],
    );
    push(
        "json-key-twice",
        "B52: a key twice, of which readers take the last",
        "config.json",
        br#"{"a":{"b":1,"b":2}}"#,
        "json",
        &["json-duplicate-key"],
    );
    push(
        "json-key-twice-escaped",
        "B52: the same, spelt in two ways",
        "config.json",
        br#"{"a":1,"\u0061":2}"#,
        "json",
        &["json-duplicate-key"],
    );
    push("json-trailing", "B54: a second value", "config.json", b"{} {}", "json", &["json-malformed"]);
    push(
        "json-mark",
        "B55: a byte order mark",
        "config.json",
        b"\xef\xbb\xbf{}",
        "json",
        &["json-malformed"],
    );
    push(
        "json-deep",
        "B58: a hundred thousand brackets",
        "config.json",
        &b"[".repeat(100_000),
        "json",
        &["json-malformed"],
    );
    push("json-empty", "B63: an empty file", "config.json", b"", "json", &["json-malformed"]);
    push("json-comment", "a comment", "config.json", b"{\"a\":1 /* b */}", "json", &["json-malformed"]);
    push(
        "json-surrogate",
        "half a pair of surrogates",
        "config.json",
        br#"{"a":"\ud800"}"#,
        "json",
        &["json-malformed"],
    );
    push(
        "json-is-text",
        "text under the name of JSON",
        "config.json",
        b"architecture: net\n",
        "json",
        &["json-malformed"],
    );
    push(
        "python-file",
        "source that an engine imports",
        "modeling_net.py",
        b"import torch\n",
        "text",
        &["python-source"],
    );
    push(
        "python-file-upper",
        "the same in capitals",
        "MODELING.PY",
        b"import torch\n",
        "text",
        &["python-source"],
    );
    push(
        "sitecustomize",
        "what Python runs at its start",
        "sitecustomize.py",
        b"print('echo')\n",
        "text",
        &["python-source"],
    );
    push(
        "path-file",
        "a file of paths, whose lines Python runs at its start",
        "a.pth",
        b"import os\n",
        "text",
        &["python-source"],
    );
    push(
        "byte-code",
        "byte code of Python",
        "a.dat",
        b"\xcb\x0d\x0d\x0a\0\0\0\0\x10\x20\x30\x40\x05\0\0\0\xe3\0\0\0",
        "executable",
        &["python-source"],
    );
    push(
        "byte-code-pyc",
        "byte code of Python under its own name",
        "a.pyc",
        b"\xcb\x0d\x0d\x0a\0\0\0\0\x10\x20\x30\x40\x05\0\0\0\xe3\0\0\0",
        "executable",
        &["python-source"],
    );
    push(
        "script",
        "a first line that names a program",
        "setup.txt",
        b"#!/bin/sh\necho\n",
        "script",
        &["extension-mismatch", "script"],
    );
    push(
        "shell",
        "a shell script without a first line",
        "setup.sh",
        b"echo\n",
        "text",
        &["extension-mismatch"],
    );
    push(
        "elf",
        "a program of Linux",
        "libnet.so",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
        "executable",
        &["executable"],
    );
    push(
        "elf-called-bin",
        "the same under the name of weights",
        "pytorch_model.bin",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
        "executable",
        &["executable", "extension-mismatch"],
    );
    push(
        "windows-program",
        "a program of Windows",
        "net.dll",
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0",
        "executable",
        &["executable"],
    );
    push(
        "llamafile",
        "a llamafile: a program and weights in one",
        "model.llamafile",
        b"MZqFpD='\n\0\0\x10\0\xf8\0\0\0\0\0\0\x01\0\x08",
        "executable",
        &["executable"],
    );
    push(
        "mach-o",
        "a program of macOS",
        "libnet.dylib",
        b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x06\0\0\0",
        "executable",
        &["executable"],
    );
    push("web-assembly", "WebAssembly", "net.wasm", b"\0asm\x01\0\0\0", "executable", &["executable"]);
    push(
        "unknown",
        "bytes of no format",
        "model.dat",
        b"\x01\x02\x03\x04\xfe\xff\x00",
        "unknown",
        &["unknown-format"],
    );
    push("text-with-nul", "text with a NUL", "README.md", b"hello\0world\n", "unknown", &["unknown-format"]);
    push(
        "text-not-utf8",
        "text that is not UTF-8",
        "README.md",
        b"caf\xe9\n",
        "unknown",
        &["unknown-format"],
    );
    push(
        "text-with-escape",
        "text that moves the cursor",
        "README.md",
        b"\x1b[2Jhello\n",
        "unknown",
        &["unknown-format"],
    );
    push(
        "image-called-md",
        "a picture under the name of a text",
        "README.md",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "image",
        &["extension-mismatch"],
    );
    push(
        "empty-gguf",
        "B63: an empty file under the name of GGUF",
        "model.gguf",
        b"",
        "text",
        &["extension-mismatch"],
    );
    push(
        "pages",
        "HTML, which a browser runs",
        "index.html",
        b"<script>0</script>\n",
        "text",
        &["extension-mismatch"],
    );
}
