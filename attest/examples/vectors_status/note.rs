//! Statuses as notes: to accept, malformed, and signed by somebody else.

use std::path::Path;

use ed25519_dalek::SigningKey;
use tlog::note::{Note, NoteSigner};

use crate::world::World;
use crate::{edited, put};

pub(crate) fn write(world: &World, folder: &Path) {
    let (text, vkey) = (world.text(), world.log.vkey().to_string());
    let lines: Vec<&str> = text.lines().collect();
    let [header, origin, size, root, map, time] = lines[..] else { panic!("six lines") };
    let case = |place: &str, note: Vec<u8>, vkey: &str| {
        put(&folder.join(place).join("note"), note);
        put(&folder.join(place).join("vkey"), format!("{vkey}\n"));
    };
    case("accept/plain", world.signed(&text), &vkey);
    let two = {
        let other = NoteSigner::ed25519("other.example".parse().unwrap(), SigningKey::from_bytes(&[9; 32]));
        Note::new(&text, &[other.sign(&text), world.log.sign(&text)]).unwrap().to_bytes()
    };
    case("accept/second-signature", two, &vkey);

    let reject = |reason: &str, name: &str, text: &str| {
        put(&folder.join("reject").join(reason).join(name), world.signed(text));
    };
    reject("Header", "version-2", &edited(&text, header, "tallymark-status/v2"));
    let checkpoint = String::from_utf8(world.checkpoint().as_bytes().to_vec()).unwrap();
    put(&folder.join("reject/Header/checkpoint"), &checkpoint);
    reject("LineCount", "line-more", &format!("{text}more\n"));
    reject("LineCount", "no-time", &edited(&text, &format!("{time}\n"), ""));
    reject(
        "Origin.Empty",
        "no-origin",
        &edited(&text, &format!("{header}\n{origin}"), &format!("{header}\n")),
    );
    reject(
        "Size.DecimalLeadingZero",
        "zero-before-size",
        &edited(&text, &format!("\n{size}\n"), &format!("\n0{size}\n")),
    );
    reject("Root.HashLength", "short-root", &edited(&text, root, "AAAA"));
    reject("Head.EmptyTreeRoot", "size-zero", &edited(&text, &format!("\n{size}\n"), "\n0\n"));
    reject("Map.Base64", "map-not-base64", &edited(&text, map, &map.replace('=', "")));
    reject(
        "Time.DecimalByte",
        "time-with-sign",
        &edited(&text, &format!("\n{time}\n"), &format!("\n-{time}\n")),
    );
    put(&folder.join("reject/Note.NoEmptyLine/unsigned"), &text);

    let note = String::from_utf8(world.signed(&text)).unwrap();
    let later = edited(&note, time, "1795737601");
    case("untrusted/Signature.BadSignature/time-changed", later.into_bytes(), &vkey);
    let impostor = NoteSigner::ed25519(origin.parse().unwrap(), SigningKey::from_bytes(&[9; 32]));
    let forged = Note::new(&text, &[impostor.sign(&text)]).unwrap().to_bytes();
    case("untrusted/Signature.NoKnownKey/other-key", forged, &vkey);
    let other =
        NoteSigner::ed25519("log.example.net/models".parse().unwrap(), SigningKey::from_bytes(&[9; 32]));
    case("untrusted/OtherOrigin/other-log", world.signed(&text), &other.vkey().to_string());
}
