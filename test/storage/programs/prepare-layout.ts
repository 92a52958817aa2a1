import { prepareLayout } from "../../../src/storage/layout.ts";

// Prepares a storage directory and prints what is wrong with it.
try {
  await prepareLayout(process.argv[2] ?? "");
  console.log("prepared");
} catch (error) {
  console.log(String(error));
}
