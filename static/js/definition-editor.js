// <definition-editor preview="id"> puts line numbers beside its <textarea> and marks the lines that
// the problems in the preview name. <line-jump for="id" line="n"> becomes a button that selects the
// line. Leaving with unsaved text asks first. Without JavaScript the text area and the list of problems stand as they are.
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
    const wrong = new Set(
      Array.from(preview?.querySelectorAll("line-jump") ?? [], (jump) => Number(jump.getAttribute("line"))),
    );
    [...this.gutter.children].forEach((line, index) => {
      line.toggleAttribute("data-wrong", wrong.has(index + 1));
    });
    this.area.setAttribute("aria-invalid", preview?.querySelector(".problems") ? "true" : "false");
  }
}

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
    const area = document.getElementById(this.getAttribute("for"));
    if (!area) return;
    const line = Number(this.getAttribute("line"));
    const start = startOf(area.value, line);
    const end = area.value.indexOf("\n", start);
    area.focus();
    area.setSelectionRange(start, end < 0 ? area.value.length : end);
    const height = parseFloat(getComputedStyle(area).lineHeight) || 18;
    area.scrollTop = Math.max(0, (line - 5) * height);
  }
}

customElements.define("definition-editor", DefinitionEditor);
customElements.define("line-jump", LineJump);
