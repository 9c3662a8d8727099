// <definition-editor preview="id" editor="url" schema="url"> shows its <textarea> in CodeMirror: with
// colours, line numbers, marks at the lines of problems, and completion. Until that is loaded, or if
// it cannot be, there are line numbers beside the text area. <line-jump for="id" line="n"> becomes a
// button that selects the line. Leaving with unsaved text asks first. Without JavaScript the text
// area and the list of problems stand as they are. The text area is what the form sends.
import { completionOf } from "./definition-completion.js";

const startOf = (text, line) => {
  let index = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const next = text.indexOf("\n", index);
    if (next < 0) return text.length;
    index = next + 1;
  }
  return index;
};

class DefinitionEditor extends HTMLElement {
  connectedCallback() {
    this.area = this.querySelector("textarea");
    if (!this.area || this.gutter) return;
    this.gutter = document.createElement("div");
    this.gutter.className = "definition-editor__gutter";
    this.gutter.setAttribute("aria-hidden", "true");
    this.prepend(this.gutter);
    this.dataset.ready = "true";
    this.area.addEventListener("input", () => this.number());
    this.area.addEventListener("scroll", () => { this.gutter.scrollTop = this.area.scrollTop; });
    document.addEventListener("htmx:after:swap", () => this.mark());
    this.area.form?.addEventListener("submit", () => { this.isSent = true; });
    // What was typed and not saved must not be lost to a stray click.
    window.addEventListener("beforeunload", (event) => {
      const changed = this.hasAttribute("unsaved") || this.area.value !== this.area.defaultValue;
      if (changed && !this.isSent && this.isConnected) event.preventDefault();
    });
    this.number();
    if (this.hasAttribute("editor")) this.load();
  }

  async load() {
    const [codemirror, schema] = await Promise.all([
      import(this.getAttribute("editor")),
      fetch(this.getAttribute("schema")).then((answer) => answer.json()),
    ]).catch(() => []);
    if (codemirror && this.isConnected) this.show(codemirror, schema);
  }

  show(codemirror, schema) {
    const label = this.area.labels?.[0];
    const { EditorView } = codemirror;
    // Who types already goes on where they are.
    const isFocused = document.activeElement === this.area;
    const { selectionStart: anchor, selectionEnd: head } = this.area;
    this.codemirror = codemirror;
    // In a shadow root the style sheets of CodeMirror are adopted, which the security policy allows.
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    this.append(host);
    this.view = new EditorView({
      root,
      parent: root,
      doc: this.area.value,
      selection: isFocused ? { anchor, head } : undefined,
      extensions: [
        ...extensionsOf(codemirror),
        codemirror.autocompletion({ override: [completionOf(schema, this.columns)] }),
        EditorView.contentAttributes.of({ "aria-label": label?.textContent.trim() ?? "" }),
        // The browser itself would copy colours into inline styles, which the policy forbids.
        EditorView.domEventHandlers({
          beforeinput: (event, view) => {
            const chosen = view.root.getSelection?.() ?? document.getSelection();
            const isTyped = event.inputType === "insertText" && event.data && chosen?.anchorNode;
            if (!isTyped || view.composing || !view.contentDOM.contains(chosen.anchorNode)) return false;
            const ends = [
              view.posAtDOM(chosen.anchorNode, chosen.anchorOffset),
              view.posAtDOM(chosen.focusNode, chosen.focusOffset),
            ];
            const [from, to] = ends.sort((one, other) => one - other);
            if (from === to && !event.data.includes("\n")) return false;
            const selection = { anchor: from + event.data.length };
            view.dispatch({ changes: { from, to, insert: event.data }, selection, userEvent: "input.type" });
            event.preventDefault();
            return true;
          },
        }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          this.area.value = update.state.doc.toString();
          this.area.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    });
    label?.remove();
    this.area.hidden = true;
    this.gutter.hidden = true;
    if (isFocused) this.view.focus();
    this.dataset.ready = "codemirror";
    this.mark();
  }

  columns() {
    return Array.from(document.querySelectorAll("#task-columns option"), (option) => option.value);
  }

  /** Select a line, counted from 1. */
  select(number) {
    if (this.view) {
      const line = this.view.state.doc.line(Math.min(number, this.view.state.doc.lines));
      const selection = { anchor: line.from, head: line.to };
      this.view.dispatch({ selection, scrollIntoView: true });
      this.view.focus();
      return;
    }
    const area = this.area;
    const start = startOf(area.value, number);
    const end = area.value.indexOf("\n", start);
    area.focus();
    area.setSelectionRange(start, end < 0 ? area.value.length : end);
    const height = parseFloat(getComputedStyle(area).lineHeight) || 18;
    area.scrollTop = Math.max(0, (number - 5) * height);
  }

  get selected() {
    const { from, to } = this.view?.state.selection.main
      ?? { from: this.area.selectionStart, to: this.area.selectionEnd };
    return this.area.value.slice(from, to);
  }

  number() {
    const count = this.area.value.split("\n").length;
    if (count !== this.gutter.childElementCount) {
      const lines = Array.from({ length: count }, (_, index) => {
        const line = document.createElement("div");
        line.textContent = index + 1;
        return line;
      });
      this.gutter.replaceChildren(...lines);
    }
    this.mark();
  }

  mark() {
    const preview = document.getElementById(this.getAttribute("preview"));
    const jumps = Array.from(preview?.querySelectorAll("line-jump") ?? []);
    if (this.view) this.diagnose(jumps);
    const wrong = new Set(jumps.map((jump) => Number(jump.getAttribute("line"))));
    [...this.gutter.children].forEach((line, index) => {
      line.toggleAttribute("data-wrong", wrong.has(index + 1));
    });
    this.area.setAttribute("aria-invalid", preview?.querySelector(".problems") ? "true" : "false");
  }

  diagnose(jumps) {
    const { doc } = this.view.state;
    const found = jumps.map((jump) => {
      const line = doc.line(Math.min(Number(jump.getAttribute("line")), doc.lines));
      const indent = /^\s*/.exec(line.text)[0].length;
      const words = jump.closest(".problems__item")?.querySelector(".problems__message");
      return { from: line.from + indent, to: line.to, severity: "error", message: words?.textContent ?? "" };
    });
    this.view.dispatch(this.codemirror.setDiagnostics(this.view.state, found));
  }
}

const extensionsOf = (codemirror) => {
  const { EditorView, HighlightStyle, keymap, tags } = codemirror;
  const colours = HighlightStyle.define([
    { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--color-accent)" },
    { tag: [tags.comment, tags.lineComment], color: "var(--color-muted)", fontStyle: "italic" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--color-good)" },
    { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--color-warning)" },
  ]);
  const theme = EditorView.theme({
    "&": { border: "var(--control-border)", borderRadius: "var(--radius)", background: "var(--color-page)", color: "var(--color-ink)", fontSize: "var(--text-xs)", maxHeight: "75vh", minHeight: "30rem" },
    "&.cm-focused": { outline: "2px solid var(--color-accent)", outlineOffset: "-1px" },
    ".cm-scroller": { fontFamily: "var(--font-code)", lineHeight: "1.25rem" },
    ".cm-content": { caretColor: "var(--color-ink)" },
    ".cm-gutters": { background: "var(--color-surface)", color: "var(--color-muted)", border: "0" },
    ".cm-activeLine, .cm-activeLineGutter": { background: "var(--color-accent-wash)" },
    ".cm-tooltip": { border: "var(--border)", background: "var(--color-page)", color: "var(--color-ink)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--color-accent)", color: "var(--color-page)" },
    ".cm-completionInfo": { maxWidth: "20rem" },
  });
  return [
    codemirror.lineNumbers(),
    codemirror.lintGutter(),
    codemirror.highlightActiveLine(),
    codemirror.highlightActiveLineGutter(),
    codemirror.highlightSpecialChars(),
    codemirror.history(),
    codemirror.bracketMatching(),
    codemirror.closeBrackets(),
    codemirror.indentUnit.of("  "),
    codemirror.yaml(),
    codemirror.syntaxHighlighting(colours),
    theme,
    // Escape, then Tab leaves: CodeMirror lets the next Tab through.
    keymap.of([
      ...codemirror.closeBracketsKeymap,
      ...codemirror.completionKeymap,
      ...codemirror.historyKeymap,
      ...codemirror.defaultKeymap,
      codemirror.indentWithTab,
    ]),
  ];
};

class LineJump extends HTMLElement {
  connectedCallback() {
    const label = this.querySelector("span");
    if (!label) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "line-jump__button";
    button.textContent = label.textContent;
    button.addEventListener("click", () => this.jump());
    label.replaceWith(button);
  }

  jump() {
    const editor = document.getElementById(this.getAttribute("for"))?.closest("definition-editor");
    editor?.select(Number(this.getAttribute("line")));
  }
}

customElements.define("definition-editor", DefinitionEditor);
customElements.define("line-jump", LineJump);
