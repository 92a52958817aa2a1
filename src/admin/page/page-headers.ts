import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/**
 * What browsers are told with every answer: nothing runs in it that is not a file of this listener, no other site may
 * show, embed or read it, and what it is told of is not kept.
 */
export function pageHeaders(): MiddlewareHandler {
  const own = "'self'";
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: [own],
      styleSrc: [own],
      imgSrc: [own],
      fontSrc: [own],
      connectSrc: [own],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      // What would read text as markup or as script is an error, in browsers that know of it.
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["'none'"],
    },
    crossOriginOpenerPolicy: "same-origin",
    crossOriginResourcePolicy: "same-origin",
    xFrameOptions: "DENY",
    // To other sites nothing; none at all would make "Origin: null" of our own page's.
    referrerPolicy: "same-origin",
    // Whoever puts TLS before all of a host says so there.
    strictTransportSecurity: false,
  });
}
