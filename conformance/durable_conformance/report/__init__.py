"""Reports of a run: JSON lines, JUnit, Markdown, badge; none of them holds a credential."""
