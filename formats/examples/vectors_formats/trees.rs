//! Models as people publish them: nothing in them is refused.

use crate::case::Case;
use crate::models::{inline, onnx, outside, vocabulary};
use crate::weights::{Gguf, array, gguf, one_tensor, safetensors, text};
use crate::zip::{Member, member, zip};

const CONFIG: &[u8] = br#"{"architectures":["BertModel"],"hidden_size":768,"layer_norm_eps":1e-12,"model_type":"bert","torch_dtype":"float32"}"#;
const TOKENIZER: &[u8] = br#"{"version":"1.0","truncation":null,"added_tokens":[{"id":0,"content":"[PAD]","special":true}],"model":{"type":"WordPiece","vocab":{"[PAD]":0,"the":1,"auto_map":2,"_target_":3},"merges":["t he","a b"]}}"#;
const README: &[u8] = "---\nlicense: apache-2.0\n---\n# Modèle\n\nSee `model.py` of the paper, and `!!python/object` of YAML.\n".as_bytes();

pub(crate) fn add(cases: &mut Vec<Case>) {
    language_models(cases);
    tokenizers(cases);
    quantised(cases);
    graphs(cases);
    arrays(cases);
    tensors(cases);
    texts(cases);
}

fn allowed(cases: &mut Vec<Case>, name: &str, what: &str, format: &'static str, files: Vec<(&str, Vec<u8>)>) {
    cases.push(Case::allowed(name, what, format, files));
}

fn language_models(cases: &mut Vec<Case>) {
    let weights = || ("model.safetensors", one_tensor());
    allowed(
        cases,
        "bert",
        "an encoder with vocabulary and card",
        "safetensors",
        vec![
            weights(),
            ("config.json", CONFIG.to_vec()),
            ("tokenizer.json", TOKENIZER.to_vec()),
            ("vocab.txt", b"[PAD]\nthe\n##s\n".to_vec()),
            ("README.md", README.to_vec()),
            (".gitattributes", b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n".to_vec()),
        ],
    );
    allowed(
        cases,
        "sharded",
        "weights in two files with their index",
        "safetensors",
        vec![
            ("model-00001-of-00002.safetensors", one_tensor()),
            ("model-00002-of-00002.safetensors", one_tensor()),
            (
                "model.safetensors.index.json",
                br#"{"metadata":{"total_size":48},"weight_map":{"a":"model-00001-of-00002.safetensors"}}"#
                    .to_vec(),
            ),
        ],
    );
    allowed(cases, "decoder", "a decoder with a template for conversations", "safetensors", vec![
        weights(), ("generation_config.json", br#"{"temperature":0.6,"eos_token_id":[1,2]}"#.to_vec()),
        ("tokenizer_config.json", br#"{"chat_template":"{% for m in messages %}{{ m['content'] }}{% endfor %}","model_max_length":1000000000000000019884624838656}"#.to_vec()),
        ("special_tokens_map.json", br#"{"bos_token":"<s>"}"#.to_vec()), ("tokenizer.model", vocabulary()),
    ]);
    allowed(cases, "several-templates", "templates under names, and one as a file", "json", vec![
        ("tokenizer_config.json", br#"{"chat_template":[{"name":"default","template":"{{ x }}"},{"name":"tool_use","template":"{{ y }}"}]}"#.to_vec()),
        ("chat_template.jinja", b"{{ bos_token }}{% for m in messages %}{% endfor %}\n".to_vec()),
    ]);
    allowed(
        cases,
        "state-space",
        "a configuration with Infinity, as Python writes it",
        "json",
        vec![("config.json", br#"{"time_step_limit":[0.0,Infinity],"x":NaN,"y":-Infinity}"#.to_vec())],
    );
    allowed(cases, "adapter", "an adapter that names its library", "json", vec![
        ("adapter_config.json", br#"{"auto_mapping":{"base_model_class":"BertModel","parent_library":"transformers.models.bert.modeling_bert"},"r":8}"#.to_vec()),
        ("adapter_model.safetensors", one_tensor()),
    ]);
    allowed(
        cases,
        "diffusion",
        "several models in folders",
        "json",
        vec![
            (
                "model_index.json",
                br#"{"_class_name":"Pipeline","unet":["diffusers","UNet2DConditionModel"]}"#.to_vec(),
            ),
            ("unet/config.json", br#"{"_class_name":"UNet2DConditionModel"}"#.to_vec()),
            ("unet/diffusion_pytorch_model.safetensors", one_tensor()),
            ("tokenizer/vocab.json", br#"{"a</w>":0,"\u0120b":1}"#.to_vec()),
            ("tokenizer/merges.txt", b"#version: 0.2\na b</w>\n".to_vec()),
            ("scheduler/scheduler_config.json", br#"{"beta_end":0.012}"#.to_vec()),
        ],
    );
    allowed(
        cases,
        "embeddings",
        "modules in folders",
        "json",
        vec![
            (
                "modules.json",
                br#"[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"}]"#
                    .to_vec(),
            ),
            ("1_Pooling/config.json", br#"{"word_embedding_dimension":384}"#.to_vec()),
            weights(),
        ],
    );
    allowed(
        cases,
        "speech",
        "a model of speech with a normaliser",
        "json",
        vec![
            ("normalizer.json", br#"{"colour":"color"}"#.to_vec()),
            ("added_tokens.json", br#"{"<|en|>":50259}"#.to_vec()),
            (
                "preprocessor_config.json",
                br#"{"mel_filters":[[0.0,-0.0,1.5E-05]],"return_attention_mask":false}"#.to_vec(),
            ),
            weights(),
        ],
    );
    allowed(
        cases,
        "keras-as-json",
        "the architecture of a Keras model without code",
        "json",
        vec![(
            "architecture.json",
            br#"{"class_name":"Sequential","config":[{"class_name":"Dense"}],"keras_version":"3"}"#.to_vec(),
        )],
    );
}

fn tokenizers(cases: &mut Vec<Case>) {
    allowed(
        cases,
        "sentencepiece",
        "a vocabulary of SentencePiece",
        "sentencepiece",
        vec![("spiece.model", vocabulary())],
    );
    allowed(
        cases,
        "sentencepiece-version",
        "one with a version behind its name",
        "sentencepiece",
        vec![("tokenizer.model.v3", vocabulary())],
    );
    allowed(
        cases,
        "tiktoken",
        "a vocabulary of tiktoken: base64 and ranks",
        "text",
        vec![("tokenizer.model", b"IQ== 0\nIg== 1\n".to_vec())],
    );
    allowed(
        cases,
        "byte-pairs",
        "vocabulary and merges",
        "json",
        vec![
            ("vocab.json", "{\"!\":0,\"Ġthe\":1,\"\\u00e9\":2}".as_bytes().to_vec()),
            ("merges.txt", "#version: 0.2\nĠ t\nh e\n".as_bytes().to_vec()),
        ],
    );
    allowed(
        cases,
        "vocabulary-with-del",
        "DEL is a word of some vocabularies",
        "text",
        vec![("vocab.txt", b"a\n\x7f\n\xc2\x80\n".to_vec())],
    );
    allowed(
        cases,
        "vocabulary-like-pickle",
        "words that begin like opcodes",
        "text",
        vec![("vocab.txt", b"cat\ndog\nRice\n.\n(in\nthe\nhouse\n".to_vec())],
    );
    allowed(
        cases,
        "tokenizer-in-capitals",
        "an ending in capitals",
        "json",
        vec![("TOKENIZER.JSON", TOKENIZER.to_vec())],
    );
}

fn quantised(cases: &mut Vec<Case>) {
    let mut push = |name: &str, what: &str, change: &dyn Fn(&mut Gguf)| {
        let mut file = gguf();
        change(&mut file);
        allowed(cases, name, what, "gguf", vec![("model.Q8_0.gguf", file.write())]);
    };
    push("gguf", "two tensors", &|_| {});
    push("gguf-version-2", "version 2", &|file| file.version = 2);
    push("gguf-padded", "padding behind the last tensor", &|file| file.data = 128);
    push("gguf-template", "with a template", &|file| {
        file.pairs.push(("tokenizer.chat_template", 8, text("{{ messages }}")))
    });
    push("gguf-vocabulary", "a vocabulary without tensors", &|file| {
        file.tensors.clear();
        file.data = 0;
        let tokens = [&8_u32.to_le_bytes()[..], &2_u64.to_le_bytes(), &text("a"), &text("b")].concat();
        file.pairs.push(("tokenizer.ggml.tokens", 9, tokens));
    });
    push("gguf-aligned", "an alignment of 64", &|file| {
        file.pairs.push(("general.alignment", 4, vec![64, 0, 0, 0]));
        file.alignment = 64;
        file.tensors[1].3 = 128;
        file.data = 144;
    });
}

fn graphs(cases: &mut Vec<Case>) {
    allowed(cases, "onnx", "tensors in the file", "onnx", vec![("model.onnx", onnx(&inline()))]);
    allowed(
        cases,
        "onnx-outside",
        "tensors beside the file",
        "onnx",
        vec![
            ("onnx/model.onnx", onnx(&outside("model.onnx_data", "0", "12"))),
            ("onnx/model.onnx_data", vec![0x91; 12]),
        ],
    );
    allowed(
        cases,
        "onnx-outside-without-ending",
        "tensors beside the file, under the name of a tensor",
        "onnx",
        vec![("model.onnx", onnx(&outside("w", "4", "8"))), ("w", vec![0xfe; 12])],
    );
    allowed(
        cases,
        "onnx-outside-below",
        "tensors in a folder below",
        "onnx",
        vec![("model.onnx", onnx(&outside("weights/w.data", "0", "0"))), ("weights/w.data", vec![0xfe; 12])],
    );
}

fn arrays(cases: &mut Vec<Case>) {
    allowed(cases, "npy", "an array", "npy", vec![("a.npy", array("'<f4'", "(3, 1)", &[0; 12]))]);
    allowed(cases, "npy-scalar", "one number", "npy", vec![("a.npy", array("'<i8'", "()", &[0; 8]))]);
    allowed(cases, "npy-empty", "no number", "npy", vec![("a.npy", array("'<f8'", "(0, 7)", &[]))]);
    allowed(
        cases,
        "npy-texts",
        "texts of a fixed length",
        "npy",
        vec![("a.npy", array("'<U4'", "(2,)", &[0; 32]))],
    );
    allowed(cases, "npy-times", "times", "npy", vec![("a.npy", array("'<M8[ns]'", "(1,)", &[0; 8]))]);
    allowed(
        cases,
        "npy-fields",
        "a type with fields",
        "npy",
        vec![("a.npy", array("[('x', '<f4'), ('y', '|u1', (2, 2))]", "(2,)", &[0; 16]))],
    );
    let members = [
        member("a.npy", &array("'<f4'", "(3,)", &[0; 12])),
        member("b/c.npy", &array("'|b1'", "(2,)", &[1; 2])),
    ];
    allowed(cases, "npz", "arrays in a zip", "npz", vec![("a.npz", zip(&members))]);
    let members = members.map(|one| Member { deflated: true, ..one });
    allowed(cases, "npz-deflated", "the same, deflated", "npz", vec![("a.npz", zip(&members))]);
}

fn tensors(cases: &mut Vec<Case>) {
    let mut push = |name: &str, what: &str, bytes: Vec<u8>| {
        allowed(
            cases,
            &format!("safetensors-{name}"),
            what,
            "safetensors",
            vec![("model.safetensors", bytes)],
        );
    };
    push("none", "no tensors", safetensors("{}", 0));
    push("metadata-alone", "metadata and no tensors", safetensors(r#"{"__metadata__":{"format":"pt"}}"#, 0));
    push(
        "empty-tensor",
        "a tensor without numbers",
        safetensors(
            r#"{"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#,
            1,
        ),
    );
    push(
        "out-of-order",
        "tensors in another order than their bytes",
        safetensors(
            r#"{"b":{"dtype":"I16","shape":[2],"data_offsets":[4,8]},"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#,
            8,
        ),
    );
    push(
        "half-bytes",
        "numbers of four bits",
        safetensors(r#"{"a":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]}}"#, 3),
    );
    push(
        "spaces",
        "spaces in its JSON",
        safetensors(
            "{ \"a\" : { \"dtype\" : \"F64\" , \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 8 ] } }",
            8,
        ),
    );
    let mut pickle_inside = safetensors(r#"{"a":{"dtype":"U8","shape":[24],"data_offsets":[0,24]}}"#, 0);
    pickle_inside.extend(b"cos\nsystem\n(S'echo'\ntR..");
    push("numbers-like-pickle", "numbers that would be a pickle, if they were one", pickle_inside);
}

fn texts(cases: &mut Vec<Case>) {
    let mut push = |name: &str, what: &str, format: &'static str, files: Vec<(&str, Vec<u8>)>| {
        allowed(cases, name, what, format, files)
    };
    push(
        "licences",
        "texts without an ending, or with a version",
        "text",
        vec![
            ("LICENSE", b"MIT\n".to_vec()),
            ("LICENSE-2.0", b"Apache\n".to_vec()),
            ("NOTICE", b"x\n".to_vec()),
            ("USE_POLICY.md", b"x\n".to_vec()),
        ],
    );
    push("empty-text", "B63: an empty text", "text", vec![("README.md", Vec::new())]);
    push(
        "lines",
        "a file of lines, each JSON",
        "text",
        vec![("data.jsonl", b"{\"a\":1}\n{\"a\":2}\n".to_vec())],
    );
    push(
        "tables",
        "tables",
        "text",
        vec![("a.csv", b"x,y\r\n1,2\r\n".to_vec()), ("b.tsv", b"x\ty\n".to_vec())],
    );
    push(
        "settings",
        "YAML and TOML without code",
        "text",
        vec![("train.yaml", b"lr: 1e-4\ndata: &d [a, b]\n".to_vec()), ("c.toml", b"a = 1\n".to_vec())],
    );
    push(
        "pictures",
        "pictures beside a card",
        "image",
        vec![
            ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0".to_vec()),
            ("b.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec()),
            ("c.gif", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
            ("d.webp", b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0".to_vec()),
            ("README.md", README.to_vec()),
        ],
    );
    push(
        "names-of-the-world",
        "a name that is not ASCII",
        "text",
        vec![("模型/说明.md", "说明\n".as_bytes().to_vec())],
    );
    push(
        "json-in-text",
        "JSON under the name of a text",
        "json",
        vec![("notes.txt", b"{\"a\":1}\n".to_vec())],
    );
}
