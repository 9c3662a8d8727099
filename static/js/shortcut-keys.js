// <shortcut-keys> around buttons and links: the key in data-key presses one. A switch turns this off and
// is remembered (WCAG 2.1.4). Without JavaScript the buttons are reached as all others.
const STORE = "shortcut-keys-off";

class ShortcutKeys extends HTMLElement {
  connectedCallback() {
    if (this.dataset.ready) return;
    this.dataset.ready = "true";
    this.buttons = new Map([...this.querySelectorAll("button[data-key], a[data-key]")].map((one) => [one.dataset.key, one]));
    if (!this.buttons.size) return;
    for (const [key, button] of this.buttons) {
      const hint = document.createElement("kbd");
      hint.textContent = key;
      hint.setAttribute("aria-hidden", "true");
      button.append(" ", hint);
    }
    this.toggle = document.createElement("button");
    this.toggle.type = "button";
    this.toggle.className = "button button--small button--quiet";
    this.toggle.addEventListener("click", () => this.turn(!this.isOn));
    this.append(this.toggle);
    this.press = (event) => this.pressed(event);
    document.addEventListener("keydown", this.press);
    // A page that the browser kept and shows again takes keys again.
    this.show = () => { this.isSent = false; };
    window.addEventListener("pageshow", this.show);
    let isOff = false;
    try { isOff = localStorage.getItem(STORE) === "yes"; } catch { /* Storage may be refused. */ }
    this.turn(!isOff);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.press);
    window.removeEventListener("pageshow", this.show);
  }

  turn(isOn) {
    this.isOn = isOn;
    this.toggle.textContent = isOn ? this.dataset.on : this.dataset.off;
    this.toggle.setAttribute("aria-pressed", String(isOn));
    this.toggleAttribute("off", !isOn);
    try { localStorage.setItem(STORE, isOn ? "no" : "yes"); } catch { /* Then for this page alone. */ }
  }

  pressed(event) {
    if (!this.isOn || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const button = this.buttons.get(event.key.toLowerCase());
    if (!button || this.isSent) return;
    event.preventDefault();
    this.isSent = true;
    button.click();
  }
}

customElements.define("shortcut-keys", ShortcutKeys);
