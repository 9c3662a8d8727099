// The form of a definition. In fields marked data-template, `{` offers the columns of the data; a new
// type of scorer or tool shows its options at once; leaving with changes asks first. Without
// JavaScript there is a button for the type, and columns are typed.
const form = document.querySelector("#task-form")?.closest("form");

const columns = () =>
  Array.from(document.querySelectorAll("#task-columns option"), (option) => option.value);

class ColumnList {
  constructor(area) {
    this.area = area;
    this.list = document.createElement("ul");
    this.list.className = "column-list";
    this.list.id = `${area.id}-columns`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", document.querySelector("#task-columns").dataset.label);
    this.list.hidden = true;
    area.after(this.list);
    area.setAttribute("aria-controls", this.list.id);
    area.addEventListener("input", () => this.offer());
    area.addEventListener("keydown", (event) => this.onKey(event));
    area.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest("li");
      if (item) this.take(item.dataset.column);
    });
  }

  get begun() {
    const before = this.area.value.slice(0, this.area.selectionStart);
    return /(?<!\{)(?:\{\{)*\{([^{}\n]{0,200})$/.exec(before)?.[1];
  }

  offer() {
    const begun = this.begun?.toLowerCase();
    const fitting = begun === undefined ? [] : columns().filter((one) => one.toLowerCase().startsWith(begun));
    this.list.replaceChildren(...fitting.slice(0, 50).map((column, index) => {
      const item = document.createElement("li");
      item.id = `${this.list.id}-${index}`;
      item.dataset.column = column;
      item.textContent = `{${column}}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", index === 0 ? "true" : "false");
      return item;
    }));
    this.list.hidden = fitting.length === 0;
    this.announce();
  }

  get chosen() {
    return this.list.querySelector("[aria-selected=true]");
  }

  announce() {
    if (this.list.hidden) this.area.removeAttribute("aria-activedescendant");
    else this.area.setAttribute("aria-activedescendant", this.chosen.id);
  }

  onKey(event) {
    if (this.list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const items = [...this.list.children];
      const next = items[(items.indexOf(this.chosen) + step + items.length) % items.length];
      this.chosen.setAttribute("aria-selected", "false");
      next.setAttribute("aria-selected", "true");
      next.scrollIntoView({ block: "nearest" });
      this.announce();
    } else if (event.key === "Enter") {
      this.take(this.chosen.dataset.column);
    } else if (event.key === "Escape") {
      this.close();
    } else {
      return;
    }
    event.preventDefault();
  }

  take(column) {
    const end = this.area.selectionStart;
    const closes = this.area.value[end] === "}" ? "" : "}";
    this.area.setRangeText(column + closes, end - this.begun.length, end, "end");
    this.close();
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  close() {
    this.list.hidden = true;
    this.announce();
  }
}

if (form) {
  let isChanged = form.dataset.unsaved === "true";
  let isSent = false;
  form.querySelectorAll("[data-template]").forEach((area) => new ColumnList(area));
  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", () => { isSent = true; });
  form.addEventListener("change", (event) => {
    const entry = event.target.closest(".task-form__entry");
    if (event.target.id === `${entry?.id}-type`) {
      form.requestSubmit(entry.querySelector(":scope > .task-form__retype"));
    }
  });
  // What was typed and not saved must not be lost to a stray click.
  window.addEventListener("beforeunload", (event) => {
    if (isChanged && !isSent) event.preventDefault();
  });
}
