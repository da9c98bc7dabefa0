//! Pickles: every way to import and to call, and every way to hide it that a scanner has missed.

use crate::case::Case;

/// A call of `os.system('echo')` in protocol 0.
pub(crate) const CALL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";

/// Names that lists of dangerous names have missed, each the heart of a known bypass.
const NAMES: [(&str, &str); 40] = [
    ("_aix_support", "_read_cmd_output"),
    ("_osx_support", "_find_build_tool"),
    ("_pyrepl.pager", "pipe_pager"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("bdb", "Bdb.run"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("cProfile", "run"),
    ("code", "InteractiveInterpreter.runcode"),
    ("cloudpickle.cloudpickle", "_builtin_type"),
    ("ctypes", "CDLL"),
    ("dill._dill", "_create_function"),
    ("distutils.file_util", "write_file"),
    ("doctest", "debug_script"),
    ("ensurepip", "_run_pip"),
    ("functools", "partial"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcode"),
    ("imaplib", "IMAP4_stream"),
    ("importlib", "import_module"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    ("linecache", "getline"),
    ("logging.config", "valid_ident"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("numpy.f2py.crackfortran", "myeval"),
    ("numpy.testing._private.utils", "runstring"),
    ("operator", "methodcaller"),
    ("pickle", "loads"),
    ("pip", "main"),
    ("profile", "Profile.run"),
    ("pty", "spawn"),
    ("pydoc", "pipepager"),
    ("runpy", "run_path"),
    ("timeit", "timeit"),
    ("torch", "load"),
    ("torch._tensor", "_rebuild_from_type_v2"),
    ("torch.utils.bottleneck.__main__", "run_cprofile"),
    ("trace", "Trace.run"),
    ("types", "CodeType"),
    ("uuid", "_get_command_stdout"),
];

fn pickle(name: &str, why: &str, bytes: &[u8], more: &[&'static str]) -> Case {
    let mut reasons = vec!["pickle"];
    reasons.extend(more);
    Case::refused(name, why, ("model.pkl", bytes.to_vec()), "pickle", &reasons)
}

/// Text as protocol 4 has it.
fn short(text: &str) -> Vec<u8> {
    [&[0x8c, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
}

pub(crate) fn add(cases: &mut Vec<Case>) {
    imports(cases);
    calls(cases);
    structure(cases);
    disguises(cases);
    for (module, name) in NAMES {
        let bytes =
            [b"\x80\x04", &short(module)[..], &short(name), b"\x93", &short("echo"), b"\x85R."].concat();
        let case =
            format!("pickle-name-{module}-{name}").replace(['.', '_'], "-").replace("--", "-").to_lowercase();
        let why = format!("`{module}.{name}`, which runs what it is given or leads to what does");
        cases.push(pickle(case.trim_end_matches('-'), &why, &bytes, &["pickle-global"]));
    }
}

fn imports(cases: &mut Vec<Case>) {
    let global = &["pickle-global"];
    let four = |parts: &[&[u8]]| [&[b"\x80\x04".as_slice()], parts, &[b"."]].concat().concat();
    let rest: &[u8] = &[&short("echo")[..], b"\x85R"].concat();
    cases.push(pickle(
        "pickle-protocol-0",
        "GLOBAL and REDUCE in protocol 0, which has no magic",
        CALL,
        global,
    ));
    cases.push(pickle(
        "pickle-protocol-2",
        "GLOBAL and REDUCE in protocol 2",
        b"\x80\x02cposix\nsystem\nU\x04echo\x85R.",
        global,
    ));
    let bytes = four(&[&short("os"), &short("system"), b"\x93", rest]);
    cases.push(pickle("pickle-protocol-4", "STACK_GLOBAL in protocol 4", &bytes, global));
    let framed = [b"\x80\x05\x95\x15\0\0\0\0\0\0\0", &bytes[2..]].concat();
    cases.push(pickle("pickle-protocol-5", "STACK_GLOBAL in a frame, protocol 5", &framed, global));
    let bytes = four(&[
        &short("system"),
        b"\x94",
        &short("os"),
        b"\x94",
        b"00",
        &short("json"),
        b"0h\x01h\x00\x93",
        rest,
    ]);
    cases.push(pickle(
        "pickle-name-through-memo",
        "module and name come out of the memo, and other texts stand before",
        &bytes,
        global,
    ));
    let bytes = four(&[
        &short("system"),
        b"\x94",
        &short("os"),
        b"\x94",
        &short("x"),
        b"(00",
        b"0h\x01h\x00\x93",
        rest,
    ]);
    cases.push(pickle(
        "pickle-name-behind-a-mark",
        "a mark is taken away by POP, which takes no value then",
        &bytes,
        &["pickle-global", "pickle-malformed"],
    ));
    let bytes = four(&[&short("os"), b"2", b"0", &short("system"), b"\x93", rest]);
    cases.push(pickle(
        "pickle-name-duplicated",
        "the module is on the stack twice for a while",
        &bytes,
        global,
    ));
    let bytes = b"\x80\x04V\\u006fs\nVsystem\n\x93\x8c\x04echo\x85R.";
    cases.push(pickle("pickle-name-escaped", "the module is spelt with an escape of UNICODE", bytes, global));
    let bytes = four(&[b"]", &short("system"), b"\x93", rest]);
    cases.push(pickle(
        "pickle-name-not-a-text",
        "STACK_GLOBAL with a list where the module should be",
        &bytes,
        global,
    ));
    let long =
        [&b"\x80\x04X"[..], &300_u32.to_le_bytes(), &b"a.".repeat(150), &short("system"), b"\x93."].concat();
    cases.push(pickle(
        "pickle-name-too-long",
        "a module of 300 bytes, longer than any that is known",
        &long,
        global,
    ));
    cases.push(pickle(
        "pickle-name-dotted",
        "a name on the list with an attribute of it",
        b"\x80\x04ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        global,
    ));
    cases.push(pickle(
        "pickle-name-with-space",
        "a name on the list with a space behind it",
        b"\x80\x02ccollections\nOrderedDict \n.",
        global,
    ));
    cases.push(pickle(
        "pickle-imported-and-unused",
        "a name that is imported and never called: importing runs the module",
        b"\x80\x02cos\nsystem\n0N.",
        global,
    ));
    for (code, bytes) in [(1, &b"\x82\x01"[..]), (2, b"\x83\x01\x02"), (4, b"\x84\x01\x02\x03\x04")] {
        let bytes = [b"\x80\x02", bytes, b"."].concat();
        cases.push(pickle(
            &format!("pickle-ext{code}"),
            "a number of the extension registry",
            &bytes,
            &["pickle-extension"],
        ));
    }
    let many: Vec<u8> = (0..100).flat_map(|number| format!("cm{number}\nf\n0").into_bytes()).collect();
    let bytes = [b"\x80\x02", &many[..], b"N."].concat();
    cases.push(pickle(
        "pickle-hundred-names",
        "more names than a report holds; they are counted",
        &bytes,
        global,
    ));
}

fn calls(cases: &mut Vec<Case>) {
    let global = &["pickle-global"];
    cases.push(pickle("pickle-inst", "INST imports and calls in one", b"(S'echo'\nios\nsystem\n.", global));
    cases.push(pickle(
        "pickle-obj",
        "OBJ calls what lies above the mark",
        b"(cos\nsystem\nS'echo'\no.",
        global,
    ));
    cases.push(pickle("pickle-newobj", "NEWOBJ", b"\x80\x02cos\nPathLike\n)\x81.", global));
    cases.push(pickle("pickle-newobj-ex", "NEWOBJ_EX", b"\x80\x04cos\nPathLike\n)}\x92.", global));
    cases.push(pickle(
        "pickle-build",
        "BUILD calls __setstate__ of what was made",
        b"\x80\x02cos\nPathLike\n)\x81}b.",
        global,
    ));
    cases.push(pickle("pickle-call-of-text", "REDUCE of a text", b"\x80\x02U\x04echo)R.", &["pickle-call"]));
    cases.push(pickle(
        "pickle-call-of-storage",
        "a storage on the list is called, which no pickler does",
        b"\x80\x02ctorch\nFloatStorage\n)R.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-call-without-tuple",
        "REDUCE with a list for its arguments",
        b"\x80\x02ccollections\nOrderedDict\n]R.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-build-of-name",
        "BUILD of a class: it would set the attributes of the class",
        b"\x80\x02ccollections\nOrderedDict\nN}\x86b.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-build-with-slots",
        "BUILD with a second state, whose names are set one by one",
        b"\x80\x02ccollections\nOrderedDict\n)RN}\x86b.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-append-to-dict",
        "APPEND into something that is no list",
        b"\x80\x02}Na.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-setitem-of-list",
        "SETITEM of something that is no dict",
        b"\x80\x02]NNs.",
        &["pickle-call"],
    ));
    cases.push(pickle(
        "pickle-setitem-of-tensor",
        "SETITEM of a tensor, which writes where the index says",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)RK\x7fNs.",
        &["pickle-call"],
    ));
    cases.push(pickle("pickle-buffer", "a buffer from outside the file", b"\x80\x05\x97.", &["pickle-call"]));
    cases.push(pickle("pickle-persid", "a persistent id as a line", b"Pecho\n.", &["pickle-persistent-id"]));
    cases.push(pickle(
        "pickle-binpersid",
        "a persistent id that is no storage",
        b"\x80\x02U\x04echoQ.",
        &["pickle-persistent-id"],
    ));
    let bytes = b"\x80\x02(U\x07storagecos\nsystem\nU\x010U\x03cpuK\x01tQ.";
    cases.push(pickle(
        "pickle-storage-of-another-type",
        "a storage whose type is a function",
        bytes,
        &["pickle-global", "pickle-persistent-id"],
    ));
    let inner = b"\x80\x04\x8c\x06pickle\x8c\x05loads\x93C\x17cos\nsystem\n(S'echo'\ntR.\x85R.";
    cases.push(pickle("pickle-in-a-pickle", "a pickle as bytes, and `pickle.loads`", inner, global));
}

fn structure(cases: &mut Vec<Case>) {
    let bad = &["pickle-malformed"];
    let call = &["pickle-global", "pickle-malformed"];
    cases.push(pickle(
        "pickle-broken-behind-the-call",
        "a byte that is no opcode behind a call that has run by then",
        b"\x80\x02cos\nsystem\nU\x04echo\x85R\xff.",
        call,
    ));
    cases.push(pickle(
        "pickle-cut-behind-the-call",
        "no STOP behind a call that has run by then",
        b"\x80\x02cos\nsystem\nU\x04echo\x85R",
        call,
    ));
    cases.push(pickle("pickle-cut", "B54: ends in the middle of a text", b"\x80\x02U\x04ec", bad));
    cases.push(pickle(
        "pickle-two",
        "B54: a second pickle behind a harmless one",
        b"\x80\x02N.\x80\x02cos\nsystem\nU\x04echo\x85R.",
        &["pickle-global"],
    ));
    cases.push(pickle(
        "pickle-trailing",
        "B54: bytes behind the STOP that are no pickle",
        b"\x80\x02N.\x00\x01\x02",
        &["pickle-trailing"],
    ));
    cases.push(pickle("pickle-protocol-6", "a protocol that does not exist", b"\x80\x06N.", bad));
    cases.push(pickle("pickle-protocol-late", "PROTO in the middle", b"\x80\x02N0\x80\x04N.", bad));
    cases.push(pickle(
        "pickle-stack-left",
        "two values at the end: unpicklers differ in which one is the answer",
        b"\x80\x02NN.",
        bad,
    ));
    cases.push(pickle("pickle-mark-left", "a mark at the end", b"\x80\x02(N.", bad));
    cases.push(pickle("pickle-empty-stack", "POP of nothing", b"\x80\x020N.", bad));
    cases.push(pickle("pickle-memo-missing", "GET of a key that nobody put", b"\x80\x02h\x07.", bad));
    cases.push(pickle("pickle-memo-twice", "a memo key twice", b"\x80\x02Nq\x000Nq\x00.", bad));
    cases.push(pickle(
        "pickle-frame-in-frame",
        "a frame that begins in another",
        b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N.",
        bad,
    ));
    cases.push(pickle(
        "pickle-frame-too-long",
        "a frame longer than the file",
        b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.",
        bad,
    ));
    cases.push(pickle(
        "pickle-over-the-frame",
        "a text that runs over the end of its frame",
        b"\x80\x04\x95\x02\0\0\0\0\0\0\0\x8c\x02os.",
        bad,
    ));
    cases.push(pickle("pickle-odd-items", "SETITEMS with a key and no value", b"\x80\x02}(NNNu.", bad));
    cases.push(pickle(
        "pickle-length-negative",
        "LONG4 of a negative length",
        b"\x80\x02\x8b\xff\xff\xff\xff.",
        bad,
    ));
    cases.push(pickle(
        "pickle-length-huge",
        "B56: a text of 2^63 bytes",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        bad,
    ));
    cases.push(pickle(
        "pickle-number-with-space",
        "a number that one reader takes and another does not",
        b"\x80\x02I 7\n.",
        bad,
    ));
    cases.push(pickle("pickle-not-utf8", "a text that is not UTF-8", b"\x80\x04\x8c\x01\xff.", bad));
    let marks = [b"\x80\x02", &b"(".repeat(2000)[..], b"."].concat();
    cases.push(pickle("pickle-deep", "B58: two thousand open marks", &marks, &["pickle-too-large"]));
    let wide = [b"\x80\x02", &b"N".repeat(70_000)[..], b"."].concat();
    cases.push(pickle("pickle-wide", "seventy thousand values on the stack", &wide, &["pickle-too-large"]));
    cases.push(pickle(
        "pickle-plain",
        "numbers and texts alone: a pickle all the same",
        b"\x80\x02}q\x00U\x01aK\x01s.",
        &[],
    ));
}

fn disguises(cases: &mut Vec<Case>) {
    let refused = Case::refused;
    cases.push(refused(
        "pickle-called-safetensors",
        "a pickle under the name of safetensors",
        ("model.safetensors", b"\x80\x02cos\nsystem\nU\x04echo\x85R.".to_vec()),
        "pickle",
        &["extension-mismatch", "pickle", "pickle-global"],
    ));
    let hidden = b"V\\u006fs\np1\n0Vsystem\np194\n0g1\nh\xc2\x93(S'echo'\ntR.".to_vec();
    cases.push(refused(
        "pickle-hidden-in-utf8",
        "text in UTF-8: a memo key and STACK_GLOBAL make one character, and the module is spelt with an escape",
        ("merges.txt", hidden),
        "pickle",
        &["extension-mismatch", "pickle", "pickle-global"],
    ));
    cases.push(refused(
        "pickle-called-txt",
        "a pickle of protocol 0, which is text, under the name of a text",
        ("merges.txt", CALL.to_vec()),
        "pickle",
        &["extension-mismatch", "pickle", "pickle-global"],
    ));
    cases.push(refused(
        "pickle-without-ending",
        "a pickle in a file without an ending",
        ("pytorch_model", CALL.to_vec()),
        "pickle",
        &["extension-mismatch", "pickle", "pickle-global"],
    ));
    cases.push(refused(
        "pickle-of-optimizer",
        "training_args.bin as a trainer leaves it",
        (
            "training_args.bin",
            b"\x80\x02ctransformers.training_args\nTrainingArguments\n)\x81}U\x02lrK\x01sb.".to_vec(),
        ),
        "pickle",
        &["pickle", "pickle-global"],
    ));
    cases.push(refused(
        "pickle-protocol-1",
        "protocol 1 has no magic and is no text",
        ("model.dat", b"}q\x00U\x01acos\nsystem\nU\x04echo\x85Rs.".to_vec()),
        "pickle",
        &["pickle", "pickle-global"],
    ));
}
