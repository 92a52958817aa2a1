/** What an address is when the file has none: what checks across keys compare with. */
export const defaultListen = { server: "0.0.0.0:5000", admin: "127.0.0.1:5001" } as const;
