// The draft of a benchmark: rows move without a request, by button or by mouse; shares of the
// weights follow what is typed; entries of the list of what is missing go as their fields fill.
// Without JavaScript the same buttons ask the server.
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 6, useGrouping: false });

class BenchmarkDraft extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.move(event));
    this.addEventListener("input", () => this.count());
    this.addEventListener("keydown", (event) => this.search(event));
    for (const handle of this.querySelectorAll(".draft-order__handle")) {
      handle.hidden = false;
      handle.addEventListener("dragstart", (event) => this.drag(event, handle));
      handle.addEventListener("dragend", () => this.drop());
    }
    this.addEventListener("dragover", (event) => this.dragOver(event));
    this.count();
  }

  rows() {
    return [...this.querySelectorAll("tr[data-row]")];
  }

  move(event) {
    const button = event.target.closest("button[name=then]");
    const [verb] = (button?.value ?? "").split(":");
    if (verb !== "up" && verb !== "down") return;
    event.preventDefault();
    const row = button.closest("tr");
    const other = verb === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (other) verb === "up" ? other.before(row) : other.after(row);
    button.focus();
    this.say(row);
  }

  drag(event, handle) {
    this.dragged = handle.closest("tr");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(this.dragged, 0, 0);
    this.dragged.setAttribute("aria-current", "true");
  }

  dragOver(event) {
    if (!this.dragged) return;
    event.preventDefault();
    const row = event.target.closest("tr[data-row]");
    if (!row || row === this.dragged) return;
    const box = row.getBoundingClientRect();
    event.clientY < box.top + box.height / 2 ? row.before(this.dragged) : row.after(this.dragged);
  }

  drop() {
    this.dragged.removeAttribute("aria-current");
    this.say(this.dragged);
    this.dragged = undefined;
  }

  say(row) {
    const rows = this.rows();
    this.querySelector("[data-status]").textContent = this.dataset.moved
      .replace("%s", rows.indexOf(row) + 1)
      .replace("%t", rows.length);
  }

  // Enter in the words presses "Search", not the form's first button.
  search(event) {
    if (event.key !== "Enter" || event.target.name !== "q") return;
    event.preventDefault();
    this.querySelector("button[value=search]").click();
  }

  count() {
    const found = this.rows().map((row) => ({
      row,
      weight: Number(row.querySelector("input[name$=-weight]").value.replace(",", ".")) || 0,
      group: row.querySelector("input[name$=-group]").value.trim(),
    }));
    const total = found.reduce((sum, one) => sum + Math.max(0, one.weight), 0);
    for (const one of found) {
      one.row.querySelector("[data-share]").textContent = one.weight > 0 ? percent(one.weight / total) : "";
    }
    for (const place of this.querySelectorAll("[data-group]")) {
      const sum = found.filter((one) => one.group === place.dataset.group).reduce((all, one) => all + Math.max(0, one.weight), 0);
      place.querySelector("b").textContent = percent(total ? sum / total : 0);
    }
    const output = this.querySelector("[data-total]");
    if (output) output.textContent = plain.format(total);
    for (const entry of this.querySelectorAll("[data-missing] [data-field]")) {
      entry.hidden = Boolean(document.getElementById(entry.dataset.field)?.value.trim());
    }
    const left = this.querySelectorAll("[data-missing] li:not([hidden])").length;
    const none = this.querySelector("[data-none]");
    if (none) none.hidden = left > 0;
  }
}

customElements.define("benchmark-draft", BenchmarkDraft);
