// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Positional Merkle trees (docs/spec/receipt-1.md, section 8)
/// @notice A proof shows what stands at one place of a list of `count` entries. Trees of sorted pairs prove membership
/// alone: two leaves with the same index could both verify.
library PositionalTree {
    /// @notice The root that a leaf at `index` of `count` leads to.
    /// @param label What the tree is of: one label for each use.
    /// @param count Below 2^32, as every count of a receipt is.
    /// @param siblings From the lowest level up, exactly ceil(log2(count)) of them.
    /// @return root The root, or zero if index and siblings do not fit the count. No tree has the root zero.
    function rootOf(bytes32 label, uint256 count, uint256 index, bytes32 leaf, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 root)
    {
        uint256 depth = siblings.length;
        if (index >= count) {
            return 0;
        }
        unchecked {
            // depth = ceil(log2(count)): as many as count - 1 has bits.
            if (depth == 0 ? count != 1 : (count - 1) >> (depth - 1) != 1) {
                return 0;
            }
        }
        assembly ("memory-safe") {
            let node := leaf
            let sibling := siblings.offset
            let end := add(sibling, shl(5, depth))
            // Its bit 5 is the index's lowest, then the next one: where the node stands in memory, and beside it the sibling. A set bit
            // puts the sibling on the left.
            let path := shl(5, index)
            for {} sub(end, sibling) { sibling := add(sibling, 0x20) } {
                let side := and(path, 0x20)
                mstore(side, node)
                mstore(xor(side, 0x20), calldataload(sibling))
                node := keccak256(0, 0x40)
                path := shr(1, path)
            }
            let free := mload(0x40)
            mstore(free, label)
            mstore(add(free, 0x20), count)
            mstore(add(free, 0x40), node)
            root := keccak256(free, 0x60)
        }
    }
}
