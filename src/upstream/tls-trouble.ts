/** What is wrong between us and a place that is to speak TLS, in words for operators. */
export interface TlsTrouble {
  readonly found: string;
  readonly remedy: string;
}

/** A place gave no answer (`cause`) because of its TLS, or of ours. */
export class TlsFailed extends Error {
  /** The place: `host` or `host:port`. */
  readonly host: string;

  constructor(host: string, cause: unknown) {
    super(`no TLS with ${host}`, { cause });
    this.name = "TlsFailed";
    this.host = host;
  }
}

type Explain = (about: { readonly host: string; readonly keys: string }) => TlsTrouble;

/** Whether an error with this code is about TLS. */
export function isAboutTls(code: string): boolean {
  return explanationOf(code) !== null;
}

/**
 * What an error with this code means; null if it is not about TLS. `keys` stands before the keys of the upstream
 * that are named: `upstreams."ghcr.io".`, or "the upstream's ".
 */
export function tlsTroubleOf(
  code: string,
  about: { readonly host: string; readonly keys: string },
): TlsTrouble | null {
  const trouble = explanationOf(code)?.(about) ?? null;
  return trouble && { ...trouble, found: `${trouble.found} (${code})` };
}

function explanationOf(code: string): Explain | null {
  const own = explanations.get(code);
  if (own) return own;
  if (code.startsWith("CERT_") || code.startsWith("UNABLE_TO_") || code === "UNSPECIFIED")
    return isNotBelieved;
  // OpenSSL has some hundred of these.
  return code === "EPROTO" || code.startsWith("ERR_SSL_") ? isNoTls : null;
}

const isOfUnknownAuthority: Explain = ({ host, keys }) => ({
  found: `the certificate of ${host} is signed by an authority that is not believed`,
  remedy: `if it is yours, the file that ${keys}caFile names has to hold that authority's certificate`,
});

const isOutOfDate =
  (state: string): Explain =>
  ({ host }) => ({
    found: `the certificate of ${host} ${state} by this machine's clock`,
    remedy: "look at that clock first; if it is right, the registry needs a new certificate",
  });

const isForOthers: Explain = ({ host, keys }) => ({
  found: `the certificate of ${host} is for other names`,
  remedy: `write one of its names in ${keys}endpoints: openssl s_client -connect ${host} shows them; a name that is only its CN does not count`,
});

const isNotBelieved: Explain = ({ host }) => ({
  found: `the certificate of ${host} is not believed`,
  remedy: `openssl s_client -connect ${host} shows it; it has to be made anew if its key or its signature is too weak`,
});

const isOld: Explain = ({ host }) => ({
  found: `${host} speaks no TLS that is safe`,
  remedy: "the registry has to speak TLS 1.2 or 1.3, with a cipher of today",
});

const wantsOurCertificate: Explain = ({ host, keys }) => ({
  found: `${host} wants a client certificate of us, or another one`,
  remedy: `name the certificate and its key by ${keys}client`,
});

const refusesHandshake: Explain = ({ host, keys }) => ({
  found: `${host} ended the handshake of TLS`,
  remedy: `it may want a client certificate (${keys}client), or speak only ciphers that are not safe`,
});

const isNoTls: Explain = ({ host, keys }) => ({
  found: `${host} speaks no TLS`,
  remedy: `if it is meant to speak plain http, write http:// in ${keys}endpoints`,
});

const explanations: ReadonlyMap<string, Explain> = new Map([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", isOfUnknownAuthority],
  ["SELF_SIGNED_CERT_IN_CHAIN", isOfUnknownAuthority],
  ["UNABLE_TO_GET_ISSUER_CERT", isOfUnknownAuthority],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", isOfUnknownAuthority],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", isOfUnknownAuthority],
  ["CERT_HAS_EXPIRED", isOutOfDate("has expired")],
  ["CERT_NOT_YET_VALID", isOutOfDate("is not valid yet")],
  ["ERR_TLS_CERT_ALTNAME_INVALID", isForOthers],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", isOld],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", isOld],
  ["ERR_SSL_DH_KEY_TOO_SMALL", isOld],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", wantsOurCertificate],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", wantsOurCertificate],
  ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", wantsOurCertificate],
  ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", wantsOurCertificate],
  ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", wantsOurCertificate],
  ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", refusesHandshake],
]);
