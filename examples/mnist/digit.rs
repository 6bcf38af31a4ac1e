//! Draws a 28 x 28 image in the terminal, two rows of pixels per line of text.

/// Draws `pixels`, `[28 * 28]` from 0 (black) to 1 (white), with half blocks.
pub fn draw(pixels: &[f32]) -> String {
    let lit = |row: usize, column: usize| pixels[row * 28 + column] > 0.4;
    let mut lines = Vec::new();
    for row in (0..28).step_by(2) {
        let line: String = (0..28)
            .map(|column| match (lit(row, column), lit(row + 1, column)) {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            })
            .collect();
        if !line.trim().is_empty() {
            lines.push(format!("  {}", line.trim_end()));
        }
    }
    lines.join("\n")
}
