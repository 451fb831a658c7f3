/** The checks of the contract. Only here is zod itself imported: it must be set before the first schema is made. */
import { z } from "zod";

// zod otherwise tries whether code may be made from strings, which a page's content security policy reports as a violation.
z.config({ jitless: true });

export { z };
