import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { type Answer, FakeUpstream, type SeenRequest } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, type TestBlob } from "../support/images.ts";
import type { RawAnswer } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

/** A registry that wants tokens, whose storage is another server, and a mirror that has a token already. */
class Lab implements AsyncDisposable {
  readonly registry: FakeUpstream;
  readonly storage: FakeUpstream;
  readonly mirror: TestMirror;
  #blobs = 0;

  private constructor(registry: FakeUpstream, storage: FakeUpstream, mirror: TestMirror) {
    this.registry = registry;
    this.storage = storage;
    this.mirror = mirror;
  }

  static async start(): Promise<Lab> {
    const registry = await FakeUpstream.start({ tokens: true });
    const storage = await FakeUpstream.start();
    const mirror = await TestMirror.start({ upstreams: { "docker.io": registry } });
    registry.addImage("team/app", "1", imageOfSize("redirects", 10));
    assert.equal((await mirror.get("/v2/team/app/manifests/1")).status, 200);
    return new Lab(registry, storage, mirror);
  }

  /** Pulls a blob that the registry answers so, and what both servers saw of it. */
  async pull(
    redirect: (blob: TestBlob, path: string) => Answer,
    stored: (blob: TestBlob) => Answer = sending,
  ): Promise<{
    answer: RawAnswer;
    blob: TestBlob;
    atRegistry: SeenRequest[];
    atStorage: SeenRequest[];
  }> {
    const blob = noiseBlob(`redirect ${this.#blobs++}`, 1000);
    const path = `/v2/team/app/blobs/${blob.digest}`;
    this.registry.override(path, redirect(blob, path));
    this.storage.override(`/stored/${blob.digest}`, stored(blob));
    const seen = [this.registry.requests.length, this.storage.requests.length];
    const answer = await this.mirror.get(path);
    return {
      answer,
      blob,
      atRegistry: this.registry.requests.slice(seen[0]),
      atStorage: this.storage.requests.slice(seen[1]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.storage[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

test("credentials go as far as the origin, and no further", async (t) => {
  await using lab = await Lab.start();

  for (const status of [301, 302, 303, 307, 308]) {
    await t.test(`by ${status} to another origin`, async () => {
      const { answer, blob, atRegistry, atStorage } = await lab.pull(({ digest }) =>
        redirecting(status, `${lab.storage.url}/stored/${digest}?signature=x%2Fy`),
      );

      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, blob.bytes);
      assert.match(atRegistry[0]?.headers.authorization ?? "", /^Bearer /);
      assert.deepEqual(
        atStorage.map(({ method, target }) => ({ method, target })),
        [{ method: "GET", target: `/stored/${blob.digest}?signature=x%2Fy` }],
      );
      assert.equal(atStorage[0]?.headers.authorization, undefined);
      assert.equal(atStorage[0]?.headers.cookie, undefined);
      assert.equal(atStorage[0]?.headers["accept-encoding"], "identity");
    });
  }

  await t.test("by a URL without scheme to another origin", async () => {
    const { answer, blob, atStorage } = await lab.pull(({ digest }) =>
      redirecting(307, `${lab.storage.url.slice("http:".length)}/stored/${digest}`),
    );

    assert.deepEqual(answer.body, blob.bytes);
    assert.equal(atStorage.length, 1);
    assert.equal(atStorage[0]?.headers.authorization, undefined);
  });

  const sameOrigin: readonly (readonly [what: string, location: string, path: string])[] = [
    ["an absolute path", "/cdn/1?x=y", "/cdn/1"],
    ["a relative path", "../cdn", "/v2/team/app/cdn"],
    ["a whole URL", `${lab.registry.url}/cdn/2`, "/cdn/2"],
    ["a whole URL in upper case", `${lab.registry.url.replace("http", "HTTP")}/cdn/3`, "/cdn/3"],
  ];
  for (const [what, location, path] of sameOrigin) {
    await t.test(`by ${what} within the origin`, async () => {
      const { answer, blob, atRegistry } = await lab.pull((blob) => {
        lab.registry.override(path, sending(blob));
        return redirecting(307, location);
      });

      assert.deepEqual(answer.body, blob.bytes);
      assert.equal(atRegistry.length, 2);
      assert.equal(atRegistry[1]?.headers.authorization, atRegistry[0]?.headers.authorization);
    });
  }

  await t.test("and not to the first origin again once they were dropped", async () => {
    const { answer, blob, atRegistry } = await lab.pull(
      ({ digest }) => redirecting(307, `${lab.storage.url}/stored/${digest}`),
      (blob) => {
        lab.registry.override("/back", sending(blob));
        return redirecting(307, `${lab.registry.url}/back`);
      },
    );

    assert.deepEqual(answer.body, blob.bytes);
    assert.deepEqual(
      atRegistry.map(({ headers }) => headers.authorization === undefined),
      [false, true],
    );
  });
});

test("five redirects are followed, a sixth is not", async (t) => {
  await using lab = await Lab.start();
  const chain = (blob: TestBlob, hops: number): Answer => {
    for (let hop = 1; hop < hops; hop++) {
      lab.registry.override(`/hop/${hop}`, redirecting(307, `/hop/${hop + 1}`));
    }
    lab.registry.override(`/hop/${hops}`, sending(blob));
    return redirecting(307, "/hop/1");
  };

  await t.test("five", async () => {
    const { answer, blob, atRegistry } = await lab.pull((blob) => chain(blob, 5));

    assert.deepEqual(answer.body, blob.bytes);
    assert.equal(atRegistry.length, 6);
  });

  await t.test("six", async () => {
    const { answer, atRegistry } = await lab.pull((blob) => chain(blob, 6));

    assertForbidden(answer, /more than 5 redirects/);
    assert.equal(atRegistry.length, 6);
  });

  await t.test("a loop", async () => {
    const { answer, atRegistry } = await lab.pull((_, path) => redirecting(307, path));

    assertForbidden(answer, /more than 5 redirects/);
    assert.equal(atRegistry.length, 6);
  });

  await t.test("a loop of two servers", async () => {
    const { answer, atRegistry, atStorage } = await lab.pull(
      ({ digest }) => redirecting(302, `${lab.storage.url}/stored/${digest}`),
      ({ digest }) => redirecting(302, `${lab.registry.url}/v2/team/app/blobs/${digest}`),
    );

    assertForbidden(answer, /more than 5 redirects/);
    assert.equal(atRegistry.length + atStorage.length, 6);
  });
});

test("what is no place to follow to is an error that says so", async (t) => {
  await using lab = await Lab.start();
  const { host } = new URL(lab.storage.url);
  const places: readonly (readonly [what: string, location: string, reason: RegExp])[] = [
    ["no URL", "http://[", /no URL/],
    ["a user name", `http://user@${host}/stored`, /user name/],
    ["a name and a password", `http://a:SECRET@${host}/stored`, /user name/],
    ["another scheme", `ftp://${host}/stored`, /ftp: is not a scheme/],
    ["a file", "file:///etc/passwd", /file: is not a scheme/],
    ["a metadata address", "http://169.254.169.254/latest", /169\.254\.169\.254 is a link-local/],
  ];
  for (const [what, location, reason] of places) {
    await t.test(what, async () => {
      const { answer, atRegistry, atStorage } = await lab.pull(() => redirecting(307, location));

      assertForbidden(answer, reason);
      assert.doesNotMatch(answer.body.toString(), /SECRET/);
      assert.equal(atRegistry.length, 1);
      assert.equal(atStorage.length, 0);
    });
  }

  await t.test("two places", async () => {
    const { answer, atStorage } = await lab.pull(({ digest }) => (_, response) => {
      const there = `${lab.storage.url}/stored/${digest}`;
      response.writeHead(307, { location: [there, there] as unknown as string }).end();
    });

    assert.equal(answer.status, 502);
    assert.equal(atStorage.length, 0);
  });
});

test("an answer that is no redirect, or says not where to, is not followed", async (t) => {
  await using lab = await Lab.start();

  await t.test("a redirect without Location", async () => {
    const { answer, atRegistry } = await lab.pull(() => (_, response) => {
      response.writeHead(307).end();
    });

    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /status 307/);
    assert.equal(atRegistry.length, 1);
  });

  await t.test("300 and 304 with Location", async () => {
    for (const status of [300, 304]) {
      const { answer, atStorage } = await lab.pull(({ digest }) =>
        redirecting(status, `${lab.storage.url}/stored/${digest}`),
      );

      assert.equal(answer.status, 502);
      assert.equal(atStorage.length, 0);
    }
  });

  await t.test("200 with Location", async () => {
    const { answer, blob, atStorage } = await lab.pull((blob) => (_, response) => {
      response.writeHead(200, { location: `${lab.storage.url}/stored/${blob.digest}` });
      response.end(blob.bytes);
    });

    assert.deepEqual(answer.body, blob.bytes);
    assert.equal(atStorage.length, 0);
  });
});

test("storage that fails is upstream's trouble; only the registry itself can deny", async (t) => {
  await using lab = await Lab.start();
  const cases: readonly (readonly [status: number, code: string, expected: number])[] = [
    [401, "UNAVAILABLE", 502],
    [403, "UNAVAILABLE", 502],
    [404, "BLOB_UNKNOWN", 404],
    [429, "TOOMANYREQUESTS", 429],
    [503, "UNAVAILABLE", 503],
  ];
  for (const [status, code, expected] of cases) {
    await t.test(`${status}`, async () => {
      const { answer } = await lab.pull(
        ({ digest }) => redirecting(307, `${lab.storage.url}/stored/${digest}`),
        () => (_, response) => end(response, status),
      );

      assert.equal(answer.status, expected);
      assert.equal(JSON.parse(answer.body.toString()).errors[0].code, code);
    });
  }
});

test("a signed URL that has expired is asked for again at the registry", async () => {
  await using lab = await Lab.start();
  let redirects = 0;
  const { answer, blob, atStorage } = await lab.pull(
    ({ digest }) =>
      (_, response) => {
        redirects++;
        const location = `${lab.storage.url}/stored/${digest}?expired=${redirects === 1}`;
        response.writeHead(307, { location }).end();
      },
    ({ bytes }) =>
      (request, response) =>
        request.url?.endsWith("expired=true") ? end(response, 403) : void response.end(bytes),
  );

  assert.deepEqual(answer.body, blob.bytes);
  assert.equal(atStorage.length, 2);
});

test("a manifest may come from another host too", async () => {
  await using lab = await Lab.start();
  const { manifest } = imageOfSize("regional", 10);
  const path = `/v2/team/app/manifests/${manifest.digest}`;
  lab.registry.override(path, redirecting(302, `${lab.storage.url}/regional`));
  lab.storage.override("/regional", (_, response) => {
    response.writeHead(200, { "content-type": manifest.mediaType }).end(manifest.bytes);
  });

  const answer = await lab.mirror.get(path);

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, manifest.bytes);
  assert.equal(lab.storage.requests[0]?.headers.authorization, undefined);
});

test("where storage signs its URLs for GET only, HEAD learns the size by a GET of one byte", async () => {
  await using lab = await Lab.start();
  const blob = noiseBlob("signed for GET", 1234);
  const path = `/v2/team/app/blobs/${blob.digest}`;
  lab.registry.override(path, redirecting(307, `${lab.storage.url}/signed`));
  lab.storage.override("/signed", (request, response) => {
    if (request.method === "HEAD") return end(response, 403);
    assert.equal(request.headers.range, "bytes=0-0");
    response.writeHead(206, { "content-range": "bytes 0-0/1234", "content-length": 1 });
    response.end(blob.bytes.subarray(0, 1));
  });

  const answer = await lab.mirror.head(path);

  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-length"], "1234");
});

function redirecting(status: number, location: string): Answer {
  return (_, response) => {
    response.writeHead(status, { location, "content-type": "text/html" });
    response.end(status === 304 ? undefined : "<a href=x>elsewhere</a>");
  };
}

function sending({ bytes }: TestBlob): Answer {
  return (_, response) => void response.writeHead(200).end(bytes);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

function assertForbidden(answer: RawAnswer, reason: RegExp): void {
  const [error] = JSON.parse(answer.body.toString()).errors;
  assert.equal(answer.status, 502);
  assert.equal(error.code, "UNAVAILABLE");
  assert.equal(error.detail.upstream, "docker.io");
  assert.equal(error.detail.kind, "forbidden-hop");
  assert.match(error.message, reason);
}
