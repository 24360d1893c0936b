/**
 * Gateways: the sessions of a cluster over the protocols that others speak.
 */
export {}
