// <site-search suggestions="address"> around the form of the header: shows results as somebody types.
// Arrows choose one, Enter opens it or, with none chosen, the page of results; Escape closes the list.
// The key / puts the cursor into the field. Without JavaScript the form leads to the page.
const PAUSE = 150;

class SiteSearch extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("input");
    if (!this.field || this.list) return;
    this.list = document.createElement("div");
    this.list.id = "site-search-list";
    this.list.className = "site-search__list";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.field.placeholder);
    this.list.hidden = true;
    this.status = document.createElement("div");
    this.status.className = "visually-hidden";
    this.status.setAttribute("role", "status");
    this.append(this.list, this.status);
    const facts = { role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list", "aria-keyshortcuts": "/" };
    for (const [name, value] of Object.entries(facts)) this.field.setAttribute(name, value);
    this.field.addEventListener("input", () => this.wait());
    this.field.addEventListener("focus", () => this.show(this.options.length > 0));
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    // The field keeps the focus, so that a click is not taken for leaving.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.open(event.target.closest("[data-url]"), event));
    this.addEventListener("focusout", (event) => { if (!this.contains(event.relatedTarget)) this.show(false); });
    document.addEventListener("keydown", (event) => this.focusBy(event));
  }

  get options() { return [...this.list.querySelectorAll("[role=option]")]; }

  get chosen() { return this.list.querySelector("[aria-selected=true]"); }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    this.request?.abort();
    const words = this.field.value.trim();
    if (!words) { this.fill("", ""); return; }
    this.request = new AbortController();
    try {
      const address = `${this.getAttribute("suggestions")}?${new URLSearchParams({ q: words })}`;
      const answer = await fetch(address, { signal: this.request.signal, headers: { Accept: "text/html" } });
      if (answer.ok) this.fill(await answer.text());
      else this.fill("", "");
    } catch {
      // Another letter was typed, or there is no connection: Enter leads to the page in any case.
    }
  }

  fill(html, text) {
    this.list.innerHTML = html;
    this.options.forEach((option, index) => { option.id = `site-search-${index}`; });
    this.choose(null);
    const count = this.list.firstElementChild?.dataset.count;
    this.status.textContent = text ?? this.say(count);
    if (html && count === "0") this.list.firstElementChild.append(this.status.textContent);
    this.show(Boolean(html) && document.activeElement === this.field);
  }

  say(count) {
    if (count === "0") return this.dataset.none;
    return count === "1" ? this.dataset.one : this.dataset.many.replace("{n}", count);
  }

  show(isOpen) {
    this.list.hidden = !isOpen;
    this.field.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.choose(null);
  }

  choose(option) {
    this.chosen?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  move(step) {
    const options = this.options;
    if (!options.length) return;
    this.show(true);
    const at = options.indexOf(this.chosen);
    // One step beyond either end nothing is chosen: Enter then leads to the page again.
    this.choose(at < 0 ? options.at(step > 0 ? 0 : -1) : options[at + step] ?? null);
  }

  open(option, event) {
    if (!option) return;
    if (event.ctrlKey || event.metaKey) window.open(option.dataset.url, "_blank", "noopener");
    else location.assign(option.dataset.url);
  }

  pressed(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && this.chosen && !this.list.hidden) {
      event.preventDefault();
      this.open(this.chosen, event);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.show(false);
    }
  }

  focusBy(event) {
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    this.field.focus();
    this.field.select();
  }
}

customElements.define("site-search", SiteSearch);
