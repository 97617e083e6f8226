//! What the page is made with: its style, and text that is no markup.

use std::fmt::Write as _;

use super::super::plot::{COLOURS, DASHES, GAP, GRID, INK, Pen, hex};

/// No request may leave the page, whatever stands in it.
pub(crate) const HEAD_END: &str = "\
<meta charset=\"utf-8\" />
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />
<meta http-equiv=\"Content-Security-Policy\" \
content=\"default-src 'none'; style-src 'unsafe-inline'\" />
<meta name=\"color-scheme\" content=\"light dark\" />
";

/// Text as text, in an element or in quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The style sheet: colours by the reader's preference, of the pictures too.
pub(crate) fn style() -> String {
    let css = |(red, green, blue): (u8, u8, u8)| format!("#{red:02x}{green:02x}{blue:02x}");
    let (mut light, mut dark, mut pens) = (String::new(), String::new(), String::new());
    for (index, colour) in COLOURS.iter().enumerate() {
        write!(light, "--c{index}:{};", css(colour.light)).expect("a string takes any text");
        write!(dark, "--c{index}:{};", css(colour.dark)).expect("a string takes any text");
        for (dash, dashes) in DASHES.iter().enumerate() {
            let hex = Pen { colour: index, dash }.hex();
            write!(
                pens,
                "[stroke=\"{hex}\"]{{stroke:var(--c{index});stroke-dasharray:{dashes}}}\n\
                 [fill=\"{hex}\"]{{fill:var(--c{index})}}\n"
            )
            .expect("a string takes any text");
        }
    }
    for (colour, name) in [(INK, "ink"), (GRID, "grid"), (GAP, "gap")] {
        let hex = hex(colour);
        write!(
            pens,
            "[stroke=\"{hex}\"]{{stroke:var(--{name})}}\n[fill=\"{hex}\"]{{fill:var(--{name})}}\n"
        )
        .expect("a string takes any text");
    }
    format!(
        ":root{{--paper:#ffffff;--ink:#1f2327;--grid:#d0d4da;--gap:#c8102e;{light}}}\n\
         @media (prefers-color-scheme:dark){{:root{{--paper:#14171a;--ink:#e2e6ea;--grid:#3a4048;\
         --gap:#ff5c72;{dark}}}}}\n{LAYOUT}{pens}"
    )
}

/// One picture is shown, the one made for the screen; a table that is too wide is moved by itself.
const LAYOUT: &str = "\
html{background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
body{max-width:1000px;margin:0 auto;padding:12px 16px}
h1{font-size:1.4rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem;overflow-wrap:anywhere}
figure{margin:0 0 1rem}
figcaption{font-weight:600}
svg.wide,svg.narrow{display:block;width:100%;height:auto}
svg.narrow{display:none}
@media (max-width:640px){svg.wide{display:none}svg.narrow{display:block}}
ul.runs{padding-left:1.1rem;overflow-wrap:anywhere}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;padding:0;margin:.2rem 0;\
font-size:.875rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;text-align:right;white-space:nowrap}
tbody tr{border-top:1px solid var(--grid)}
tbody th,thead th:first-child{text-align:left;font-weight:600;position:sticky;left:0;\
background:var(--paper)}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escape("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        );
    }

    #[test]
    fn each_pen_has_a_colour_of_its_own_in_the_style() {
        let style = style();
        for colour in 0..COLOURS.len() {
            for dash in 0..DASHES.len() {
                let rule = format!("[stroke=\"{}\"]", Pen { colour, dash }.hex());
                assert_eq!(style.matches(&rule).count(), 1, "{rule}");
            }
        }
        assert_eq!(style.matches('{').count(), style.matches('}').count());
        assert!(!style.contains("url(") && !style.contains("@import"));
    }
}
