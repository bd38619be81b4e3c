// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IAttestLM, Terms} from "attestlm/IAttestLM.sol";
import {StepProof} from "attestlm/Proofs.sol";
import {Receipt} from "attestlm/Receipts.sol";

/// @title A bounty for an answer
/// @notice Pays one node, once, for the answer to one job by a model that the client chose. The node shows the answer, and none of
/// the reasoning before it. That the model wrote it is the node's word: whoever has the model can replay the receipt.
contract AnswerBounty {
    IAttestLM public immutable attestlm;
    /// What the receipt must be for: `attestlm run --context`.
    bytes32 public immutable context;
    /// The answer's text, once it was paid for.
    bytes public answer;

    Terms private terms;

    uint8 private constant ANSWER = 0;

    event Answered(bytes32 indexed receipt, bytes answer);

    /// The terms name neither a signer nor a model: anybody could answer.
    error Open();
    /// It was paid for, or nobody put money in.
    error NothingToPay();
    /// The step is not the answer.
    error NotTheAnswer();
    /// The node takes no money.
    error NotPaid();

    constructor(IAttestLM attestlm_, bytes32 jobId, Terms memory terms_) payable {
        if (terms_.signer == address(0) || terms_.model == 0) {
            revert Open();
        }
        attestlm = attestlm_;
        context = attestlm_.contextOf(block.chainid, address(this), jobId, 0);
        terms_.context = context;
        terms = terms_;
    }

    function claim(Receipt calldata receipt, bytes calldata signature, StepProof calldata proof) external {
        uint256 bounty = address(this).balance;
        if (bounty == 0) {
            revert NothingToPay();
        }
        bytes32 hash = attestlm.checkStep(receipt, signature, terms, proof);
        if (proof.kind != ANSWER) {
            revert NotTheAnswer();
        }
        answer = proof.text;
        emit Answered(hash, proof.text);
        (bool paid,) = receipt.signer.call{value: bounty}("");
        if (!paid) {
            revert NotPaid();
        }
    }
}
