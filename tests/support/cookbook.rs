//! What the cookbook tells others to write, read from it: so it is what was tested.

const COOKBOOK: &str = include_str!("../../docs/cookbook.md");

/// The block of the cookbook that begins with this line, without the line.
pub(crate) fn block(first: &str) -> &'static str {
    let start = format!("\n{first}\n");
    let (_, block) = COOKBOOK
        .split_once(&start)
        .unwrap_or_else(|| panic!("the cookbook has no block {first}"));
    block.split("\n```").next().expect("it ends")
}

/// The same text with that in place of this, which is in it once.
pub(crate) fn put(text: &str, this: &str, that: &str) -> String {
    assert_eq!(text.matches(this).count(), 1, "{this} in {text}");
    text.replace(this, that)
}
