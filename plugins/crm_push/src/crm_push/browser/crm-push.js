// Push messages in a browser: ask, subscribe, and hand the subscription to the host. An ES module; nothing to build.
//
//   import { subscribe, unsubscribe } from "/crm-push.js";
//   const { state } = await subscribe({ publicKey, save: (subscription) => post("/push/subscriptions", subscription) });
//
// Call `subscribe` when somebody has pressed a button: browsers refuse to ask out of the blue.

const WORKER = "/crm-push-worker.js";

/** Tell whether this browser, on this page, can receive push messages at all. */
export function isSupported() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/**
 * Subscribe this browser.
 *
 * @param {object} options
 * @param {string} options.publicKey the VAPID public key, as crm_push.vapid gives it
 * @param {(subscription: object, replaced: string | null) => unknown} options.save keeps a subscription at the host;
 *   `replaced` is the endpoint of one that is no more
 * @param {string | URL} [options.worker] where the host serves crm-push-worker.js
 * @param {string} [options.scope] the part of the site that the worker is for
 * @returns {Promise<{state: "unsupported" | "denied" | "dismissed" | "subscribed", subscription: object | null}>}
 */
export async function subscribe({ publicKey, save, worker = WORKER, scope }) {
  if (!isSupported()) return { state: "unsupported", subscription: null };
  const permission = await Notification.requestPermission();
  if (permission !== "granted") {
    return { state: permission === "denied" ? "denied" : "dismissed", subscription: null };
  }
  const key = bytes(publicKey);
  const registration = await activated(await navigator.serviceWorker.register(worker, scope ? { scope } : undefined));
  const replaced = await dropped(registration, key);
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const subscription = (await registration.pushManager.subscribe(options)).toJSON();
  await save(subscription, replaced);
  return { state: "subscribed", subscription };
}

/**
 * End this browser's subscription, and have the host forget it.
 *
 * @param {object} [options]
 * @param {(subscription: object) => unknown} [options.forget] removes a subscription at the host
 * @param {string} [options.scope] the scope given to `subscribe`
 * @returns {Promise<boolean>} whether there was one
 */
export async function unsubscribe({ forget, scope } = {}) {
  if (!isSupported()) return false;
  const registration = await navigator.serviceWorker.getRegistration(scope);
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return false;
  const ended = await subscription.unsubscribe();
  await forget?.(subscription.toJSON());
  return ended;
}

/** End a subscription made with another key, which could never be sent to again; return its endpoint. */
async function dropped(registration, key) {
  const subscription = await registration.pushManager.getSubscription();
  if (!subscription || isSame(subscription.options.applicationServerKey, key)) return null;
  await subscription.unsubscribe();
  return subscription.endpoint;
}

/** Wait until a worker is active: before that no browser subscribes it. */
async function activated(registration) {
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (!worker || worker.state === "activated") return registration;
  await new Promise((resolve, reject) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("crm-push: the service worker could not be installed"));
    });
  });
  return registration;
}

function isSame(buffer, key) {
  if (!buffer) return false;
  const there = new Uint8Array(buffer);
  return there.length === key.length && there.every((value, index) => value === key[index]);
}

function bytes(base64url) {
  const base64 = base64url.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
