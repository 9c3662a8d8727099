// A board or grid whose runs are at work fills in while it is watched. The page is fetched again, at most
// every ten seconds and only while it is seen; an unchanged one is a 304. Without JavaScript the
// reader reloads.
const shortest = 10_000;
const longest = 60_000;

class LiveBoard extends HTMLElement {
  connectedCallback() {
    this.pause = shortest;
    this.wait();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), this.pause);
  }

  async look() {
    const isBusy = document.visibilityState !== "visible" || this.contains(document.activeElement);
    if (!isBusy) await this.refresh().catch(() => (this.pause = longest));
    if (this.isConnected && this.hasAttribute("data-running")) this.wait();
  }

  async refresh() {
    const response = await fetch(this.dataset.address ?? location.href, { headers: { Accept: "text/html" } });
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("live-board");
    if (!fresh || fresh.dataset.snapshot === this.dataset.snapshot) {
      this.pause = Math.min(longest, this.pause * 1.5);
      return;
    }
    this.pause = shortest;
    const place = this.querySelector(".table-region")?.scrollTop ?? 0;
    this.dataset.snapshot = fresh.dataset.snapshot;
    this.toggleAttribute("data-running", fresh.hasAttribute("data-running"));
    this.replaceChildren(...fresh.childNodes);
    this.querySelector(".table-region")?.scrollTo(0, place);
    document.getElementById("live-status").textContent = this.dataset.done.replace("%s", fresh.dataset.number);
  }
}

customElements.define("live-board", LiveBoard);
