// <copy-button for="id">: copies the text of the element with that id and says so.
class CopyButton extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (!button || this.dataset.ready) return;
    this.dataset.ready = "true";
    button.addEventListener("click", () => this.copy(button));
  }

  async copy(button) {
    const source = document.getElementById(this.getAttribute("for"));
    if (!source) return;
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = this.dataset.done;
    } catch {
      // Without the clipboard (plain http, permission refused) the text is at least selected.
      getSelection().selectAllChildren(source);
      button.textContent = this.dataset.selected;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { button.textContent = label; }, 2000);
  }
}

customElements.define("copy-button", CopyButton);
