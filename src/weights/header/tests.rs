//! Headers that the parser accepts, and the error messages of those that it rejects.

use super::*;

const GOOD: &str = r#"{"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;

/// Parses a file with this header and `bytes` bytes of tensors, for one layer of 1 x 1.
fn read(header: &[u8], bytes: usize) -> Result<Places, String> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.resize(file.len() + bytes, 0);
    places(&file, &Plan::linear(1, 1), Names::Sequential).map_err(|mismatch| mismatch.to_string())
}

fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

fn assert_refused(header: &str, words: &str) {
    let found = read(header.as_bytes(), 8).expect_err(header);
    assert_eq!(found, words, "{header}");
}

#[test]
fn every_valid_form_of_a_header_is_parsed() {
    for (from, to) in [
        ("", ""),
        (":{\"dtype\"", " :\t{\r\n \"dtype\" "),
        ("[1,1]", "[ 1 , 1 ]"),
        ("}}", "} }  \n"),
        (
            r#""dtype":"F32","shape":[1,1],"data_offsets":[0,4]"#,
            r#""data_offsets":[0,4],"shape":[1,1],"dtype":"F32""#,
        ),
        ("{", r#"{"__metadata__":{},"#),
        ("{", r#"{"__metadata__":{"format":"pt","":"ä 🦀 {}[],:"},"#),
        (
            "{",
            r#"{"__metadata__":{"\"\\\/\b\f\n\r\t":"\u00e4\uD83E\udd80"},"#,
        ),
        (
            "{",
            "{ \"__metadata__\" : { \"a\" : \"b\" , \"c\" : \"d\" } ,",
        ),
        ("}}", r#"},"__metadata__":{"a":"b","a":"b"}}"#),
    ] {
        let header = changed(from, to);
        let places = read(header.as_bytes(), 8).unwrap_or_else(|words| panic!("{header}: {words}"));
        let start = 8 + header.len();
        let [weight, bias, ..] = places.tensors[0];
        assert_eq!([weight.start, bias.start], [start, start + 4]);
    }
}

#[test]
fn tensors_are_found_in_any_order_and_dtype() {
    let header = r#"{"0.bias":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},"0.weight":{"dtype":"F16","shape":[1,1],"data_offsets":[2,4]}}"#;
    let places = read(header.as_bytes(), 4).unwrap();
    let [weight, bias, ..] = places.tensors[0];
    assert_eq!(
        (weight.dtype, weight.start),
        (Dtype::F16, header.len() + 10)
    );
    assert_eq!((bias.dtype, bias.start), (Dtype::Bf16, header.len() + 8));
}

#[test]
fn a_malformed_header_is_rejected() {
    // Overflows at its last digit, a 6 on 32 and on 64 bits.
    let too_large = (usize::MAX as u128 + 1).to_string();
    for (from, to, words) in [
        ("{", " {", "`{`, found ` ` (byte 8 of the file)"),
        ("{", "\u{feff}{", "`{`, found byte 239 (byte 8 of the file)"),
        (
            GOOD,
            "",
            "`{`, found the end of the header (byte 8 of the file)",
        ),
        (
            GOOD,
            "{",
            "a string, found the end of the header (byte 9 of the file)",
        ),
        (GOOD, "null", "`{`, found `n` (byte 8 of the file)"),
        (
            "}}",
            "}",
            "`,` or `}`, found the end of the header (byte 128 of the file)",
        ),
        ("}}", "},}", "a string, found `}` (byte 129 of the file)"),
        (
            "}}",
            "}}}",
            "the end of the header, found `}` (byte 129 of the file)",
        ),
        (
            "}}",
            "}}\0",
            "the end of the header, found byte 0 (byte 129 of the file)",
        ),
        ("},", "}", r#"`,` or `}`, found `"` (byte 70 of the file)"#),
        ("},", "},,", "a string, found `,` (byte 71 of the file)"),
        ("{", "{,", "a string, found `,` (byte 9 of the file)"),
        (":{", "{", "`:`, found `{` (byte 19 of the file)"),
        (":{", ":[{", "`{`, found `[` (byte 20 of the file)"),
        (
            "\"0.bias\"",
            "0",
            "a string, found `0` (byte 71 of the file)",
        ),
        (
            "{",
            r#"{"__metadata__":null,"#,
            "`{`, found `n` (byte 24 of the file)",
        ),
        (
            "{",
            r#"{"__metadata__":{"a":1},"#,
            "a string, found `1` (byte 29 of the file)",
        ),
        (
            "{",
            r#"{"__metadata__":{"a":{"b":{"c":[]}}},"#,
            "a string, found `{` (byte 29 of the file)",
        ),
        (
            "{",
            r#"{"__metadata__":{"a":"b",},"#,
            "a string, found `}` (byte 33 of the file)",
        ),
        ("\"F32\"", "\"F32", "`,`, found `s` (byte 35 of the file)"),
        (
            "\"F32\"",
            "\"F\n32\"",
            "no control characters in a string, found byte 10 (byte 31 of the file)",
        ),
        (
            "\"F32\"",
            r#""\F32""#,
            "a JSON escape, found `F` (byte 31 of the file)",
        ),
        (
            "\"F32\"",
            r#""\u004""#,
            r#"four hexadecimal digits, found `"` (byte 35 of the file)"#,
        ),
        (
            "\"F32\"",
            r#""\ud83e""#,
            r#"the second half of a surrogate pair, found `"` (byte 36 of the file)"#,
        ),
        (
            "\"F32\"",
            r#""\ud83e\u0041""#,
            r#"the second half of a surrogate pair, found `\` (byte 36 of the file)"#,
        ),
        (
            "\"F32\"",
            r#""\udd80""#,
            r#"the first half of a surrogate pair before its second, found `"` (byte 36 of the file)"#,
        ),
        ("\"F32\"", "32", "a string, found `3` (byte 29 of the file)"),
        (
            "\"dtype\":\"F32\"",
            "\"type\":\"F32\"",
            "`dtype`, `shape` and `data_offsets`, once each, found `type`",
        ),
        (
            "\"dtype\":\"F32\"",
            "\"shape\":[1],\"dtype\":\"F32\"",
            "`dtype`, `shape` and `data_offsets`, once each, found `shape`",
        ),
        (
            "\"dtype\":\"F32\",",
            "",
            "`,`, found `}` (byte 55 of the file)",
        ),
        (
            ",\"data_offsets\":[0,4]",
            "",
            "`,`, found `}` (byte 48 of the file)",
        ),
        (
            "[0,4]}",
            "[0,4],\"more\":0}",
            "`}`, found `,` (byte 69 of the file)",
        ),
        ("[4,8]", "[4]", "`,`, found `]` (byte 124 of the file)"),
        ("[4,8]", "[4,8,9]", "`]`, found `,` (byte 126 of the file)"),
        (
            "[4,8]",
            "[04,8]",
            "a number without leading zeros, found `0` (byte 123 of the file)",
        ),
        (
            "[4,8]",
            "[4,00]",
            "a number without leading zeros, found `0` (byte 125 of the file)",
        ),
        (
            "[4,8]",
            "[-4,8]",
            "a whole number, found `-` (byte 123 of the file)",
        ),
        ("[4,8]", "[4.0,8]", "`,`, found `.` (byte 124 of the file)"),
        ("[4,8]", "[4e0,8]", "`,`, found `e` (byte 124 of the file)"),
        (
            "[4,8]",
            "[,]",
            "a whole number, found `,` (byte 123 of the file)",
        ),
        (
            "[4,8]",
            &format!("[4,{too_large}]"),
            &format!(
                "a number that fits in `usize`, found `6` (byte {} of the file)",
                124 + too_large.len()
            ),
        ),
        (
            "[4,8]",
            "[4,99999999999999999999999999]",
            &format!(
                "a number that fits in `usize`, found `9` (byte {} of the file)",
                124 + too_large.len()
            ),
        ),
        (
            "[1]",
            "[1,]",
            "a whole number, found `]` (byte 106 of the file)",
        ),
        ("[1]", "1", "`[`, found `1` (byte 103 of the file)"),
    ] {
        let words = format!("`header`: expected {words}");
        assert_refused(&changed(from, to), &words);
    }
}

#[test]
fn tensors_that_do_not_match_the_network_are_rejected() {
    // Twice this wraps around to 0 in a `usize`.
    let half = usize::MAX / 2 + 1;
    for (from, to, words) in [
        (
            GOOD,
            "{}",
            "`0.weight`: expected F32 [1, 1], found no tensor of this name; the file has none",
        ),
        (
            "\"0.bias\"",
            "\"0.weight\"",
            "`0.weight`: expected one tensor of this name, found two",
        ),
        (
            "\"0.bias\"",
            r#""0.\u0062ias""#,
            r#"`0.bias`: expected F32 [1], found no tensor of this name; the file has `0.weight`, `0.\u0062ias`"#,
        ),
        (
            "{",
            r#"{"__metadata__":{},"__metadata__":{},"#,
            "`__metadata__`: expected one, found two",
        ),
        (
            "\"F32\"",
            r#""\u0046\u0033\u0032""#,
            r#"`0.weight`: expected a type such as F32, found `\u0046\u0033\u0032`"#,
        ),
        (
            "\"F32\"",
            "\"F4\"",
            "`0.weight`: expected a type such as F32, found `F4`",
        ),
        (
            "\"F32\"",
            "\"f32\"",
            "`0.weight`: expected a type such as F32, found `f32`",
        ),
        (
            "[4,8]",
            "[8,4]",
            "`0.bias`: expected bytes within the 8 after the header, found bytes 8 to 4",
        ),
        (
            "[4,8]",
            "[0,4]",
            "`0.weight`: expected non-overlapping bytes, found bytes 0 to 4, which overlap `0.bias`: bytes 0 to 4",
        ),
        (
            "[4,8]",
            "[3,7]",
            "`0.weight`: expected non-overlapping bytes, found bytes 0 to 4, which overlap `0.bias`: bytes 3 to 7",
        ),
        (
            "[4,8]",
            "[4,9]",
            "`0.bias`: expected bytes within the 8 after the header, found bytes 4 to 9",
        ),
        (
            "[4,8]",
            "[5,9]",
            "`0.bias`: expected bytes within the 8 after the header, found bytes 5 to 9",
        ),
        (
            "[4,8]",
            "[4,7]",
            "`0.bias`: expected as many bytes as F32 [1] takes, found bytes 4 to 7",
        ),
        (
            "[4,8]",
            &format!("[4,{}]", usize::MAX),
            &format!(
                "`0.bias`: expected bytes within the 8 after the header, found bytes 4 to {}",
                usize::MAX
            ),
        ),
        ("[1]", "[]", "`0.bias`: expected F32 [1], found F32 []"),
        (
            "[1]",
            "[1,1]",
            "`0.bias`: expected F32 [1], found F32 [1, 1]",
        ),
        (
            "[1]",
            "[1,1,1,1]",
            "`0.bias`: expected F32 [1], found F32 [1, 1, 1, 1]",
        ),
        (
            "[1]",
            "[1,1,1,1,1]",
            "`0.bias`: expected F32 [1], found F32 of 5 dimensions",
        ),
        (
            "[1]",
            "[2]",
            "`0.bias`: expected as many bytes as F32 [2] takes, found bytes 4 to 8",
        ),
        (
            "[1]",
            &format!("[{}]", usize::MAX),
            &format!(
                "`0.bias`: expected as many bytes as F32 [{}] takes, found bytes 4 to 8",
                usize::MAX
            ),
        ),
        (
            "[1,1]",
            &format!("[{half},2]"),
            &format!(
                "`0.weight`: expected as many bytes as F32 [{half}, 2] takes, found bytes 0 to 4"
            ),
        ),
        (
            "[1],\"data_offsets\":[4,8]",
            "[0],\"data_offsets\":[4,4]",
            "`0.bias`: expected F32 [1], found F32 [0]",
        ),
    ] {
        assert_refused(&changed(from, to), words);
    }
}

#[test]
fn the_bytes_around_the_header_are_counted() {
    let whole = [
        &(GOOD.len() as u64).to_le_bytes()[..],
        GOOD.as_bytes(),
        &[0; 8],
    ]
    .concat();
    let words = |file: &[u8]| {
        places(file, &Plan::linear(1, 1), Names::Sequential)
            .map_err(|mismatch| mismatch.to_string())
            .err()
            .unwrap_or_default()
    };
    assert_eq!(words(&whole), "");
    let with_length = |length: u64| {
        let mut file = whole.clone();
        file[..8].copy_from_slice(&length.to_le_bytes());
        words(&file)
    };
    let header = "`header`: expected";
    for len in 0..8 {
        let expected = format!("{header} a safetensors file, found {len} bytes");
        assert_eq!(words(&whole[..len]), expected);
    }
    let after = whole.len() - 8;
    for length in [after as u64 + 1, u64::MAX] {
        let expected = format!(
            "{header} a safetensors file, which begins with its header's length, \
             found a length of more bytes than follow ({after})"
        );
        assert_eq!(with_length(length), expected);
    }
    let expected = format!(
        "{header} `,` or `}}`, found the end of the header (byte {} of the file)",
        7 + GOOD.len()
    );
    assert_eq!(with_length(GOOD.len() as u64 - 1), expected);
    let longer = [&whole[..], &[0]].concat();
    let expected = format!("{header} 8 bytes of tensors, as many as the shapes take, found 9");
    assert_eq!(words(&longer), expected);

    let mut no_text = whole.clone();
    no_text[20] = 0xff;
    let expected = format!("{header} UTF-8, found other bytes (byte 20 of the file)");
    assert_eq!(words(&no_text), expected);

    let mut long = vec![b' '; 8 + 100_000_001];
    long[..8].copy_from_slice(&100_000_001u64.to_le_bytes());
    let expected = format!("{header} a header of at most 100000000 bytes, found 100000001");
    assert_eq!(words(&long), expected);
}

/// The header of a checkpoint of a layer of 1 x 1; each tensor has four bytes.
fn checkpoint(metadata: &str, tensors: &[&str]) -> String {
    let mut header = format!(r#"{{"__metadata__":{{{metadata}}}"#);
    for (index, name) in tensors.iter().enumerate() {
        let shape = if name.ends_with("0.weight") {
            "[1,1]"
        } else {
            "[1]"
        };
        let (start, end) = (4 * index, 4 * index + 4);
        header += &format!(
            r#","{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#
        );
    }
    header + "}"
}

const MANIFEST: &str = r#""checkpoint":"{\"version\":1}","sha256":"00""#;
const LAST: [&str; 5] = [
    "losses",
    "moment1.0.bias",
    "moment1.0.weight",
    "weights.0.bias",
    "weights.0.weight",
];

#[test]
fn a_checkpoint_loads_its_best_weights_or_else_the_last() {
    let starts = |header: &str, tensors: usize| {
        let places = read(header.as_bytes(), 4 * tensors)?;
        let start = 8 + header.len();
        let [weight, bias, ..] = places.tensors[0];
        Ok([weight, bias].map(|place| (place.start - start) / 4))
    };
    assert_eq!(starts(&checkpoint(MANIFEST, &LAST), 5), Ok([4, 3]));
    let best = [&["best.0.bias", "best.0.weight"], &LAST[..]].concat();
    assert_eq!(starts(&checkpoint(MANIFEST, &best), 7), Ok([1, 0]));

    let refused = |header: &str, tensors: usize, words: &str| {
        let found: Result<_, String> = starts(header, tensors);
        let found = found.expect_err(header);
        assert!(found.contains(words), "{found}");
    };
    // A file of another program, incomplete best weights, bytes outside all tensors.
    let other = checkpoint(r#""format":"pt""#, &LAST);
    refused(
        &other,
        5,
        "`0.weight`: expected F32 [1, 1], found no tensor of this name",
    );
    let half = checkpoint(MANIFEST, &best[1..]);
    refused(
        &half,
        6,
        "`0.bias`: expected F32 [1], found no tensor of this name",
    );
    let words = "expected 20 bytes of tensors, as many as the shapes take, found 24";
    refused(&checkpoint(MANIFEST, &LAST), 6, words);
}

/// A weights file may have any metadata.
#[test]
fn a_weights_file_with_checkpoint_metadata_is_read_as_a_weights_file() {
    let header = checkpoint(MANIFEST, &["0.weight", "0.bias"]);
    assert!(read(header.as_bytes(), 8).is_ok());
}

/// Custom layer names apply to weights files, not to checkpoints.
#[test]
fn a_checkpoint_has_no_custom_layer_names() {
    let header = checkpoint(MANIFEST, &LAST);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + 20, 0);
    let error = places(&file, &Plan::linear(1, 1), Names::Listed(&["fc"])).unwrap_err();
    let words =
        "`fc.weight`: expected F32 [1, 1], found no tensor of this name; the file has `losses`";
    assert!(error.to_string().starts_with(words), "{error}");
}
