// The service worker of crm-push: shows what is pushed, opens what is clicked, and reports both.
//
// Serve it from your own origin, at the root of what it is for. A site with a worker of its own loads it there:
// importScripts("/crm-push-worker.js"). With `?save=URL` a subscription that the browser changes by itself is posted to
// that URL, as JSON with `replaced`, the endpoint that is no more.

const SAVE = new URL(self.location.href).searchParams.get("save");

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  event.waitUntil(shown(read(event.data)));
});

self.addEventListener("notificationclick", (event) => {
  const message = event.notification.data ?? {};
  event.notification.close();
  event.waitUntil(Promise.all([open(address(message, event.action)), report(message.report, "clicked")]));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(renewed(event));
});

/** What arrived; a message that is no JSON is shown as it is: a browser takes the permission away where nothing is. */
function read(data) {
  try {
    const message = data.json();
    return message && typeof message === "object" ? message : { title: String(message) };
  } catch {
    return { title: data?.text() ?? "" };
  }
}

async function shown(message) {
  const { title, body, icon, image, badge, tag, actions } = message;
  const said = { body, icon, image, badge, tag, actions, data: message };
  const options = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  await self.registration.showNotification(title ?? "", options);
  await report(message.report, "shown");
}

/** Where a click leads: only to pages, whatever a message says. */
function address(message, action) {
  const chosen = (message.actions ?? []).find((one) => one.action === action);
  const url = chosen?.url ?? message.url;
  if (!url) return null;
  const there = new URL(url, self.registration.scope);
  return there.protocol === "https:" || there.protocol === "http:" ? there.href : null;
}

async function open(url) {
  if (!url) return;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const already = windows.find((one) => one.url === url);
  await (already ? already.focus() : self.clients.openWindow(url));
}

/** Tell what became of a message. Whatever fails here, the message has been shown. */
async function report(to, type) {
  if (!to) return;
  const body = JSON.stringify({ id: to.id, mac: to.mac, type, at: Date.now() });
  try {
    // As text, which asks no other origin for leave first; nothing of the browser's goes along.
    await fetch(to.url, { method: "POST", mode: "no-cors", credentials: "omit", keepalive: true, body });
  } catch {
    // Offline, or blocked.
  }
}

async function renewed(event) {
  const replaced = event.oldSubscription?.endpoint ?? null;
  const options = event.oldSubscription?.options;
  const usable = options?.applicationServerKey && {
    userVisibleOnly: true,
    applicationServerKey: options.applicationServerKey,
  };
  const subscription = event.newSubscription ?? (usable && (await self.registration.pushManager.subscribe(usable)));
  if (!subscription || !SAVE) return;
  const body = JSON.stringify({ ...subscription.toJSON(), replaced });
  await fetch(SAVE, { method: "POST", headers: { "content-type": "application/json" }, credentials: "include", body });
}
