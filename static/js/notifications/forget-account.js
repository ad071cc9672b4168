/** On the sign-in page nobody is signed in: removes what a service worker may still show of the last account. */
import { removeServiceWorker } from "./remove-service-worker.js";

removeServiceWorker().catch(() => {});
