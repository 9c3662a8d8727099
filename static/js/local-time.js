// <local-time> and <relative-time> wrap a <time datetime>: the server's UTC text stays without
// JavaScript; with it, the reader's own time zone and language are used.
const language = document.documentElement.lang || undefined;

class LocalTime extends HTMLElement {
  connectedCallback() {
    this.time = this.querySelector("time");
    this.at = this.time && new Date(this.time.dateTime);
    if (!this.at || Number.isNaN(this.at.valueOf())) return;
    this.time.title ||= this.time.textContent;
    this.show();
  }

  show() {
    this.time.textContent = this.at.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  }
}

const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];

class RelativeTime extends LocalTime {
  show() {
    const seconds = (this.at - Date.now()) / 1000;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
    const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    this.time.textContent = format.format(Math.trunc(seconds / size), unit);
    if (Math.abs(seconds) < 3600 && this.isConnected) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.isConnected && this.show(), unit === "second" ? 5000 : 30000);
    }
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }
}

customElements.define("local-time", LocalTime);
customElements.define("relative-time", RelativeTime);
